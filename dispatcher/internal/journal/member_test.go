package journal

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// simulate runs one world with faults for a while and then without, and returns
// it. In the end there must be one leader, and work must go on.
func simulate(seed uint64, off switches) *world {
	w := newWorld(seed, 2+int(seed%4), off)
	for _, n := range w.nodes {
		n.start()
	}
	w.trouble()
	for at := time.Duration(0); at < 30*time.Second && w.fault == ""; at += 5 * time.Second {
		w.run(at + 5*time.Second)
		w.check()
	}
	w.calm = true
	w.run(50 * time.Second)
	w.check()
	before := len(w.acked)
	w.run(55 * time.Second)
	w.check()
	leaders := 0
	for _, n := range w.nodes {
		if n.alive && n.member.MayAct(n.clock()) {
			leaders++
		}
	}
	if leaders != 1 || len(w.acked) == before {
		w.broken("25 s after the last fault %d nodes lead, and %d changes were made in the last 5 s", leaders, len(w.acked)-before)
	}
	return w
}

func seeds(t *testing.T, def uint64) (first, count uint64) {
	t.Helper()
	read := func(name string, def uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return def
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s must be a whole number, got %q", name, text)
		}
		return n
	}
	if os.Getenv("HA_SEED") != "" {
		return read("HA_SEED", 0), 1
	}
	return 1, read("HA_SIM_SEEDS", def)
}

// TestMembers lets processes fight over the log through crashes, pauses longer
// than the lease, lost and late answers, and clocks that run apart.
func TestMembers(t *testing.T) {
	t.Parallel()
	first, count := seeds(t, 150)
	t.Logf("seeds %d to %d", first, first+count-1)
	foreign := 0
	defer func() {
		if t.Logf("%d entries of strangers", foreign); foreign == 0 && count > 1 {
			t.Error("no stranger wrote anything")
		}
	}()
	for seed := first; seed < first+count; seed++ {
		w := simulate(seed, switches{})
		foreign += w.foreign
		if w.fault != "" {
			t.Fatalf("seed %d: %s\nreproduce: HA_SEED=%d go test -run TestMembers ./dispatcher/internal/journal\n%s",
				seed, w.fault, seed, tail(w.trace, 60))
		}
	}
}

// TestMembersBroken proves that the simulation sees what it is for: without the
// thing that is switched off, some run breaks.
func TestMembersBroken(t *testing.T) {
	for name, off := range map[string]switches{
		"compare-and-set": {noCompare: true},
		"naming":          {noNaming: true},
		"lease":           {noLease: true},
		"sieve":           {noSieve: true},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 500
			for seed := uint64(1); seed <= most; seed++ {
				if w := simulate(seed, off); w.fault != "" {
					t.Logf("without %s, seed %d: %s", name, seed, w.fault)
					return
				}
			}
			t.Errorf("without %s nothing broke in %d seeds", name, most)
		})
	}
}

// TestRefusedCandidateWaits: who lost the race for a vacant place and has not
// followed the winner's entries yet is patient, and does not claim in a circle.
func TestRefusedCandidateWaits(t *testing.T) {
	const lease = time.Second
	m := NewMember(MemberConfig{Node: "d1", Nonce: 1, Lease: lease}, 0)
	now := time.Millisecond
	if a := m.CaughtUp(now); len(a) != 1 || a[0].Type != DoAppend {
		t.Fatalf("an empty log is vacant, and yet: %+v", a)
	}
	m.AppendReturned(now, false)
	m.EndRead(now, LogEnd{Last: 1, Next: []Entry{{Seq: 1, Type: EntryClaim, Epoch: 1, Node: "d2", Nonce: 2, Lease: lease}}})
	if a := m.Tick(now + lease); len(a) > 0 {
		t.Errorf("claims again within the winner's lease: %+v", a)
	}
	if at, ok := m.NextWake(); !ok || at <= now+lease {
		t.Errorf("wants to wake at %s, %t", at, ok)
	}
}

// TestRefusedAppendsAreRepeatedWithPauses: a log that refuses for a reason of its own, as one without room
// does, is not to be kept busy with trying. The first repetition comes at once.
func TestRefusedAppendsAreRepeatedWithPauses(t *testing.T) {
	const lease = 10 * time.Second
	m := NewMember(MemberConfig{Node: "d1", Nonce: 1, Lease: lease}, 0)
	appends, now, delays := m.CaughtUp(0), time.Duration(0), []time.Duration{}
	for sent := now; len(delays) < 6; delays, sent = append(delays, now-sent), now {
		if len(appends) != 1 || appends[0].Type != DoAppend || appends[0].Entry.Type != EntryClaim {
			t.Fatalf("after %s: %+v", delays, appends)
		}
		m.AppendReturned(now, false)
		for appends = m.EndRead(now, LogEnd{}); len(appends) == 0; appends = m.EndRead(now, LogEnd{}) {
			at, ok := m.NextWake()
			if !ok || at <= now {
				t.Fatalf("at %s it wants to wake at %s, %t", now, at, ok)
			}
			now = at
			if a := m.Tick(now); len(a) != 1 || a[0].Type != DoReadEnd {
				t.Fatalf("after a pause it does not look at the end first: %+v", a)
			}
		}
	}
	want := []time.Duration{0, retryAfter, 2 * retryAfter, repeatMost, repeatMost, repeatMost}
	if !slices.Equal(delays, want) {
		t.Errorf("repeats after %s, want %s", delays, want)
	}
}

func tail(lines []string, n int) string {
	if len(lines) > n {
		lines = append([]string{fmt.Sprintf("… %d lines before", len(lines)-n)}, lines[len(lines)-n:]...)
	}
	return strings.Join(lines, "\n")
}
