package worker

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

func session1(slots int) *session {
	return newSession(subjects.HelloReply{ID: "w", Misses: 3, Epoch: 5}, slots)
}

func order(o subjects.Order, e ha.Epoch, work ...ha.ActivationID) subjects.Activate {
	out := subjects.Activate{ID: "w", Order: o, Epoch: e}
	for _, w := range work {
		out.Work = append(out.Work, subjects.Work{Activation: w})
	}
	return out
}

func done(id ha.ActivationID) subjects.Finished {
	return subjects.Finished{Activation: id, Outcome: ha.OutcomeDone}
}

func TestSessionBeats(t *testing.T) {
	t.Parallel()
	type beat struct {
		a     answer
		epoch ha.Epoch
	}
	hit, miss := beat{accepted, 5}, beat{unanswered, 0}
	for _, tc := range []struct {
		name  string
		beats []beat
		want  phase
		epoch ha.Epoch
	}{
		{"two misses", []beat{miss, miss}, working, 5},
		{"three misses", []beat{miss, miss, miss}, lost, 5},
		{"a hit between", []beat{miss, miss, hit, miss, miss}, working, 5},
		{"a refusal is a miss", []beat{{refused, 0}, {settled, 0}, miss}, lost, 5},
		{"a stale answer is a miss", []beat{miss, {accepted, 4}, miss}, lost, 5},
		{"an answer without an epoch is a hit", []beat{miss, miss, {accepted, 0}, miss}, working, 5},
		{"an answer raises the epoch", []beat{{accepted, 9}}, working, 9},
		{"and makes the former stale", []beat{{accepted, 9}, hit, hit, hit}, lost, 9},
		{"unknown", []beat{miss, {unknown, 0}}, forgotten, 5},
	} {
		s := session1(1)
		for _, b := range tc.beats {
			s.beat(b.a, b.epoch)
		}
		if s.phase != tc.want || s.epoch != tc.epoch {
			t.Errorf("%s: phase %d, epoch %d", tc.name, s.phase, s.epoch)
		}
	}
}

func TestSessionRemembersWhatItRan(t *testing.T) {
	t.Parallel()
	s := session1(1)
	name := func(i int) ha.ActivationID { return ha.ActivationID("a" + strconv.Itoa(i)) }
	for i := range 3 * seenLeast {
		if d := s.order(order(subjects.OrderActivate, 5, name(i))); len(d.start) != 1 {
			t.Fatalf("activation %d is not run: %+v", i, d)
		}
		s.ended(done(name(i)))
		s.report()
		s.reported(accepted)
		for _, back := range []int{0, 1, seenLeast / 2, seenLeast - 1} {
			if j := i - back; j >= 0 {
				if d := s.order(order(subjects.OrderActivate, 5, name(j))); len(d.start)+len(d.rejected) != 0 {
					t.Fatalf("activation %d is run again after %d others", j, back)
				}
			}
		}
	}
	if n := len(s.seen.set); n != seenLeast {
		t.Errorf("remembers %d", n)
	}
}

// What is held is never run again, however long ago it was received.
func TestSessionHoldsALongOne(t *testing.T) {
	t.Parallel()
	s := session1(2)
	s.order(order(subjects.OrderActivate, 5, "long"))
	for i := range 2 * seenLeast {
		id := ha.ActivationID("a" + strconv.Itoa(i))
		s.order(order(subjects.OrderActivate, 5, id))
		s.ended(done(id))
		s.report()
		s.reported(accepted)
	}
	if s.seen.has("long") {
		t.Fatal("the test does not reach the case it is for")
	}
	if d := s.order(order(subjects.OrderActivate, 5, "long")); len(d.start)+len(d.rejected) != 0 {
		t.Error("run again")
	}
}

// A flood beyond what a heartbeat can list is dropped, and an available stays
// within what the wire allows.
func TestSessionIsBounded(t *testing.T) {
	t.Parallel()
	s := session1(1024)
	for i := range 2 * subjects.MaxListed {
		s.order(order(subjects.OrderActivate, 5, ha.ActivationID(strings.Repeat("x", 60)+strconv.Itoa(i))))
	}
	if n := len(s.running()); n != subjects.MaxListed {
		t.Errorf("lists %d", n)
	}
	for _, id := range s.running() {
		if s.held[id] {
			s.ended(subjects.Finished{Activation: id, Outcome: ha.OutcomeFailed, Error: strings.Repeat("\x01", 9999)})
		}
	}
	batches := 0
	for ; !s.empty(); batches++ {
		batch := s.report()
		body := encode(t, subjects.Available{Message: availableMessage, Finished: batch})
		if len(batch) == 0 || len(body) > reportBudget {
			t.Fatalf("batch of %d outcomes, %d bytes", len(batch), len(body))
		}
		s.reported(accepted)
	}
	if batches < 2 {
		t.Errorf("%d batches", batches)
	}
}

// twin is a session of the plainest kind: it remembers everything that ever
// happened and decides by looking through it.
type twin struct {
	slots    int
	epoch    ha.Epoch
	draining bool
	log      []twinEntry
}

type twinEntry struct {
	id                        ha.ActivationID
	running, ended, said, ack bool
}

func (w *twin) find(id ha.ActivationID) *twinEntry {
	for i := range w.log {
		if w.log[i].id == id {
			return &w.log[i]
		}
	}
	return nil
}

func (w *twin) list(want func(twinEntry) bool) (out []ha.ActivationID) {
	for _, e := range w.log {
		if want(e) {
			out = append(out, e.id)
		}
	}
	slices.Sort(out)
	return out
}

func (w *twin) activate(epoch ha.Epoch, ids []ha.ActivationID) (start, rejected []ha.ActivationID) {
	if epoch < w.epoch {
		return nil, nil
	}
	w.epoch = epoch
	for _, id := range ids {
		if w.find(id) != nil {
			continue
		}
		busy := len(w.list(func(e twinEntry) bool { return e.running }))
		if free := busy < w.slots && !w.draining; free {
			w.log = append(w.log, twinEntry{id: id, running: true})
			start = append(start, id)
		} else {
			w.log = append(w.log, twinEntry{id: id, ended: true})
			rejected = append(rejected, id)
		}
	}
	return start, rejected
}

// TestSessionEqualsItsTwin sends both through duplicates, reordering, lower
// epochs, cancels, lost and repeated acknowledgements.
func TestSessionEqualsItsTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 4).Draw(t, "slots")
		s, w := session1(slots), &twin{slots: slots, epoch: 5}
		id := rapid.Custom(func(t *rapid.T) ha.ActivationID {
			return ha.ActivationID("a" + strconv.Itoa(rapid.IntRange(0, 30).Draw(t, "n")))
		})
		epoch := rapid.Custom(func(t *rapid.T) ha.Epoch { return ha.Epoch(rapid.IntRange(3, 9).Draw(t, "epoch")) })
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { checkTwin(t, s, w) },
			"activate": func(t *rapid.T) {
				e, ids := epoch.Draw(t, "e"), rapid.SliceOfN(id, 0, 4).Draw(t, "ids")
				d := s.order(order(subjects.OrderActivate, e, ids...))
				start, rejected := w.activate(e, ids)
				var started []ha.ActivationID
				for _, a := range d.start {
					started = append(started, a.ID)
					if a.Epoch != e || a.Worker != "w" {
						t.Fatalf("started %+v", a)
					}
				}
				if !slices.Equal(started, start) || !slices.Equal(d.rejected, rejected) {
					t.Fatalf("starts %v rejects %v, want %v and %v", started, d.rejected, start, rejected)
				}
			},
			"cancel": func(t *rapid.T) {
				e, x := epoch.Draw(t, "e"), id.Draw(t, "id")
				d := s.order(order(subjects.OrderCancel, e, x))
				entry := w.find(x)
				want := e >= w.epoch && entry != nil && entry.running
				w.epoch = max(w.epoch, e)
				if (len(d.cancel) == 1) != want {
					t.Fatalf("cancels %v, want %v", d.cancel, want)
				}
			},
			"foreign": func(t *rapid.T) {
				o := order(subjects.OrderActivate, 99, id.Draw(t, "id"))
				o.ID = "x"
				if d := s.order(o); len(d.start)+len(d.rejected)+len(d.cancel) != 0 {
					t.Fatalf("%+v", d)
				}
			},
			"end": func(t *rapid.T) {
				x := id.Draw(t, "id")
				s.ended(done(x))
				if e := w.find(x); e != nil && e.running {
					e.running, e.ended = false, true
				}
			},
			"report": func(t *rapid.T) {
				inFlight := len(w.list(func(e twinEntry) bool { return e.said && !e.ack })) > 0
				want := w.list(func(e twinEntry) bool { return e.ended && !e.ack })
				if inFlight {
					want = nil
				}
				var said []ha.ActivationID
				for _, f := range s.report() {
					said = append(said, f.Activation)
					w.find(f.Activation).said = true
				}
				slices.Sort(said)
				if !slices.Equal(said, want) {
					t.Fatalf("says %v, want %v", said, want)
				}
			},
			"reported": func(t *rapid.T) {
				if s.sent == 0 { // nothing is in flight
					return
				}
				a := rapid.SampledFrom([]answer{unanswered, accepted, settled, refused}).Draw(t, "answer")
				s.reported(a)
				for i := range w.log {
					if e := &w.log[i]; e.said && !e.ack {
						e.said, e.ack = a != unanswered, a != unanswered
					}
				}
			},
			"beat": func(t *rapid.T) {
				e := epoch.Draw(t, "e")
				s.missed = 0 // losing the dispatcher is another test's matter
				s.beat(accepted, e)
				w.epoch = max(w.epoch, e)
			},
			"drain": func(t *rapid.T) {
				if rapid.IntRange(0, 20).Draw(t, "seldom") == 0 {
					s.order(order(subjects.OrderDrain, w.epoch))
					w.draining = true
				}
			},
		})
	})
}

func checkTwin(t *rapid.T, s *session, w *twin) {
	held := w.list(func(e twinEntry) bool { return e.running || !e.ack })
	if got := s.running(); got == nil || !slices.Equal(got, held) && len(got)+len(held) > 0 {
		t.Fatalf("a heartbeat lists %v, want %v", got, held)
	}
	if s.epoch != w.epoch {
		t.Fatalf("epoch %d, want %d", s.epoch, w.epoch)
	}
	if busy := len(w.list(func(e twinEntry) bool { return e.running })); s.busy != busy || busy > w.slots {
		t.Fatalf("busy %d, want %d of %d", s.busy, busy, w.slots)
	}
	if s.empty() != (len(held) == 0) {
		t.Fatal("empty")
	}
}

func TestSessionLeaving(t *testing.T) {
	t.Parallel()
	s := session1(2)
	s.order(order(subjects.OrderActivate, 5, "a1", "a2"))
	s.ended(done("a1"))
	s.report()
	s.drain()
	s.abandon() // a2 is not waited for
	if s.empty() {
		t.Error("a1 was not acknowledged yet")
	}
	s.ended(done("a2")) // too late
	s.reported(unanswered)
	if r := s.report(); len(r) != 1 || r[0].Activation != "a1" {
		t.Errorf("reports %v", r)
	}
	s.leave() // with a1 in flight
	s.reported(unknown)
	s.beat(unknown, 0)
	if d := s.order(order(subjects.OrderActivate, 6, "a3")); len(d.start)+len(d.rejected) != 0 {
		t.Errorf("%+v", d)
	}
	if s.phase != leaving || s.report() != nil || !s.stopping {
		t.Errorf("phase %d", s.phase)
	}
	if s.gone(); !s.over() {
		t.Error("not over")
	}
}
