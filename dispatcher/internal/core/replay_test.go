package core

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Replay is a second way to do what DecodeRecord and Apply do; these are its twin.
func applyEach(c *Core, b []byte) error {
	for len(b) > 0 {
		r, rest, err := record.Decode(b)
		if err != nil {
			return err
		}
		if err := c.Apply(r); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

func sameReplay(t *testing.T, cfg Config, b []byte) {
	t.Helper()
	one, all := New(cfg), New(cfg)
	err, other := applyEach(one, b), all.Replay(b)
	if (err == nil) != (other == nil) {
		t.Fatalf("one by one: %v; all at once: %v", err, other)
	}
	if err == nil && !bytes.Equal(one.Digest(nil), all.Digest(nil)) {
		t.Fatalf("one by one, and all at once:\n%s", unlike(one.Digest(nil), all.Digest(nil)))
	}
}

func TestReplayDoesWhatApplyDoes(t *testing.T) {
	each(t, 40, func(t *testing.T, rng *rand.Rand) {
		h := newHistory(t, rng)
		for range 200 {
			h.do()
		}
		h.given()
		sameReplay(t, h.cfg, h.journal)
		snapshot := h.core.Digest(nil)
		sameReplay(t, h.cfg, snapshot)
		for range 25 {
			// What is broken is broken for both.
			broken := bytes.Clone(h.journal)
			broken[rng.IntN(len(broken))] ^= byte(1 + rng.IntN(255))
			sameReplay(t, h.cfg, broken[:1+rng.IntN(len(broken))])
			broken = bytes.Clone(snapshot)
			broken[rng.IntN(len(broken))] ^= byte(1 + rng.IntN(255))
			sameReplay(t, h.cfg, broken)
		}
	})
}

// What was loaded together must not be connected afterwards: a list that grows
// may not grow into its neighbour's.
func TestLoadedWorkersStandAlone(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ActivateEvery = 0 })
	for i := range 5 {
		r.hello(step.Hello{Weight: 1, Slots: 2, Instance: string(rune('a' + i)), Pools: []string{"p"}})
	}
	fresh := New(r.cfg)
	if err := fresh.Replay(r.core.Digest(nil)); err != nil {
		t.Fatal(err)
	}
	r.core, r.standby = fresh, rebuild(t, r.cfg, r.core.Digest(nil))
	r.lead(2)
	for range 40 {
		for v := range r.core.Workers(0) {
			if v.Running > 0 {
				r.step(step.Available{At: r.now, Worker: v.Worker})
				break
			}
		}
	}
}
