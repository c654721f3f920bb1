package core

import (
	"math/rand/v2"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// metronome is the naive twin of the pace: it looks at every beat there ever was.
type metronome struct {
	next  time.Time
	every time.Duration
}

// due reports whether an activation is due at now. before: somebody was idle since
// the last call; idle: somebody is idle now.
func (m *metronome) due(now time.Time, before, idle bool) bool {
	due := false
	for ; !m.next.After(now); m.next = m.next.Add(m.every) {
		if before || m.next.Equal(now) && idle {
			due = true // one, however many beats were slept through
		}
	}
	return due
}

// sends returns how many activations the last step sent.
func (r *rig) sends() (n int) {
	for _, e := range r.effects {
		if e.Type == step.SendActivate {
			n++
		}
	}
	return n
}

// TestPaceFollowsTheMetronome: one activation a beat if somebody is idle then.
// Beats with nobody idle are forgotten, whether or not an input came to see
// them, and of beats that were slept through all but one.
func TestPaceFollowsTheMetronome(t *testing.T) {
	each(t, 200, func(t *testing.T, rng *rand.Rand) {
		every := time.Duration(1+rng.IntN(4)) * 500 * time.Millisecond
		r := newRig(t, func(c *Config) { c.ActivateEvery, c.Timing.EvictAfter = every, 24*time.Hour })
		twin := metronome{next: noon.Add(every), every: every}
		ids := []ha.WorkerID{r.hello(step.Hello{Weight: 1})}
		for i := range 200 {
			_, before := r.core.Population()
			r.now = r.now.Add(time.Duration(rng.IntN(6)) * 250 * time.Millisecond)
			id := ids[rng.IntN(len(ids))]
			switch n := rng.IntN(20); {
			case n == 0:
				ids = append(ids, r.hello(step.Hello{Weight: ha.Weight(1 + rng.IntN(3)), Slots: 1 + rng.IntN(2)}))
			case n < 8:
				r.available(id)
			case n < 12:
				r.heartbeat(id, r.core.activationsOf(id)...)
			default:
				r.tick(0)
			}
			sent := r.sends()
			_, idle := r.core.Population()
			want := 0
			if twin.due(r.now, before > 0, idle+sent > 0) {
				want = 1
			}
			if sent != want {
				t.Fatalf("step %d, %s after the start, a beat every %s: %d activations, want %d", i, r.now.Sub(noon), every, sent, want)
			}
			if wake := r.core.NextWake(); idle > 0 && !wake.Equal(twin.next) {
				t.Fatalf("step %d: wants to wake at %s, the next beat is at %s", i, wake.Sub(noon), twin.next.Sub(noon))
			}
		}
	})
}

// Found by hand: with everybody busy no Tick comes at a beat, and the beat was
// still owed when a worker became free after it.
func TestNothingIsOwedForABeatNobodySaw(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	r.tick(2 * time.Second)
	r.want("sent at 2 s", r.sends(), 1)
	r.now = noon.Add(5 * time.Second)
	r.available(id)
	r.want("sent at 5 s, free again", r.sends(), 0)
	r.want("next wake", r.core.NextWake(), noon.Add(6*time.Second))
	r.now = noon.Add(6 * time.Second)
	r.tick(0)
	r.want("sent at 6 s", r.sends(), 1)
}

func TestIntervalOfZero(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ActivateEvery = 0 })
	id := r.hello(step.Hello{Weight: 1, Slots: 4 * step.Burst})
	r.want("sent with the hello", r.sends(), step.Burst)
	for range 3 {
		r.want("next wake", r.core.NextWake(), r.now)
		r.tick(0)
		r.want("sent at once after", r.sends(), step.Burst)
	}
	r.tick(0)
	r.want("sent when all is taken", r.sends(), 0)
	r.want("next wake is the eviction", r.core.NextWake(), r.now.Add(45*time.Second))
	r.now = r.now.Add(time.Second)
	r.available(id, r.core.activationsOf(id)[5])
	r.want("sent for the slot that is free", r.sends(), 1)
}

// The time never goes back, whatever an input says.
func TestTimeDoesNotGoBack(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	r.tick(2 * time.Second)
	r.step(step.Available{At: r.now.Add(-time.Hour), Worker: id})
	v, _ := first(r.core.Workers(0))
	r.want("last seen", v.LastSeen, r.now)
	r.step(step.Tick{At: r.now.Add(-time.Hour)})
	r.want("sent", r.sends(), 0)
	r.tick(2 * time.Second)
	r.want("sent", r.sends(), 1)
}

// A new leader keeps the pace that the journal shows, unless its clock says that
// the last activation is in the future, or long ago.
func TestPaceAcrossLeaders(t *testing.T) {
	for _, c := range []struct {
		name         string
		pause, after time.Duration // from the last activation to the failover, from there to the next activation
	}{
		{"within the interval", 500 * time.Millisecond, 1500 * time.Millisecond},
		{"after the interval", 7 * time.Second, 0},
		{"clock behind", -time.Minute, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			for range 3 {
				r.hello(step.Hello{Weight: 1})
			}
			r.tick(2 * time.Second)
			r.want("sent", r.sends(), 1)
			r.now = r.now.Add(c.pause)
			r.fail()
			if c.after > 0 {
				r.tick(c.after - 1)
				r.want("sent too early", r.sends(), 0)
				r.tick(1)
			} else {
				r.tick(0)
			}
			r.want("sent", r.sends(), 1)
		})
	}
}

func TestEpochsOnlyRise(t *testing.T) {
	r := newRig(t, nil)
	for _, epoch := range []ha.Epoch{0, 1} {
		if err := r.core.Lead(r.now, epoch, "d2", new(step.Ready)); err == nil {
			t.Errorf("epoch %d follows 1", epoch)
		}
	}
	r.want("epoch", r.core.Epoch(), ha.Epoch(1))
	r.want("leader", r.core.Leader(), "d1")
	reply := r.heartbeat("nobody")
	r.want("epoch in a refusal", reply.Epoch, ha.Epoch(1))
}

// Busy with slots, picked by weight: with everybody idle at each beat the counts
// follow the weights closely all the time.
func TestSharesFollowTheWeights(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ShareWindow = 0 })
	weights := []ha.Weight{1, 2, 3, 10}
	ids := map[ha.WorkerID]int{}
	counts := make([]int, len(weights))
	for i, w := range weights {
		ids[r.hello(step.Hello{Weight: w})] = i
	}
	for n := 1; n <= 400; n++ {
		r.tick(2 * time.Second)
		for _, e := range r.effects {
			if e.Type == step.SendActivate {
				counts[ids[e.Worker]]++
			}
		}
		for id := range ids {
			r.available(id)
		}
		for i, w := range weights {
			if off := float64(counts[i]) - float64(n)*float64(w)/16; off > 1 || off < -1 {
				t.Fatalf("after %d activations weight %d has %d", n, w, counts[i])
			}
		}
	}
}
