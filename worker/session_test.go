package worker

import (
	"slices"
	"strconv"
	"strings"
	"testing"

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

// end ends the activation of that id so, where it runs.
func end(s *session, id ha.ActivationID, outcome ha.Outcome, text string) {
	e := s.known.get(id)
	if e == nil || e.run == nil || e.run.ended {
		return
	}
	e.run.finished.Outcome, e.run.finished.Error = outcome, text
	s.ended(e.run)
}

func done(s *session, id ha.ActivationID) { end(s, id, ha.OutcomeDone, "") }

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
		t.Run(tc.name, func(t *testing.T) {
			s := session1(1)
			for _, b := range tc.beats {
				s.beat(b.a, b.epoch)
			}
			if s.phase != tc.want || s.epoch != tc.epoch {
				t.Errorf("%s: phase %d, epoch %d", tc.name, s.phase, s.epoch)
			}
		})
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
		done(s, name(i))
		s.report()
		s.reported(accepted, "")
		for _, back := range []int{0, 1, seenLeast / 2, seenLeast - 1} {
			if j := i - back; j >= 0 {
				if d := s.order(order(subjects.OrderActivate, 5, name(j))); len(d.start)+len(d.rejected) != 0 {
					t.Fatalf("activation %d is run again after %d others", j, back)
				}
			}
		}
	}
	if n := len(s.known.entries); n != seenLeast {
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
		done(s, id)
		s.report()
		s.reported(accepted, "")
	}
	if slices.Contains(s.known.ring, s.known.get("long")) {
		t.Fatal("the test does not reach the case it is for")
	}
	if d := s.order(order(subjects.OrderActivate, 5, "long")); len(d.start)+len(d.rejected) != 0 {
		t.Error("run again")
	}
	done(s, "long")
	s.report()
	s.reported(accepted, "")
	if n := len(s.known.entries); n != seenLeast || s.known.get("long") != nil {
		t.Errorf("remembers %d", n)
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
		end(s, id, ha.OutcomeFailed, strings.Repeat("\x01", 9999))
	}
	batches := 0
	for ; !s.empty(); batches++ {
		batch := s.report()
		body := encode(t, subjects.Available{Message: availableMessage, Finished: batch})
		if len(batch) == 0 || len(body) > reportBudget {
			t.Fatalf("batch of %d outcomes, %d bytes", len(batch), len(body))
		}
		s.reported(accepted, "")
	}
	if batches < 2 {
		t.Errorf("%d batches", batches)
	}
}

// What is over the budget by itself is said nevertheless, alone.
func TestSessionSaysWhatIsLarge(t *testing.T) {
	t.Parallel()
	s := session1(3)
	s.order(order(subjects.OrderActivate, 5, "a1", "a2", "a3"))
	for _, id := range []ha.ActivationID{"a1", "a2", "a3"} {
		if id == "a2" {
			s.known.get(id).run.finished.Result = make([]byte, reportBudget)
		}
		done(s, id)
	}
	for _, want := range []ha.ActivationID{"a1", "a2", "a3"} {
		if said := s.report(); len(said) != 1 || said[0].Activation != want {
			t.Errorf("says %d, want %s alone", len(said), want)
		}
		s.reported(accepted, "")
	}
}

// Only those go out one by one that were refused together.
func TestSessionAfterARefusal(t *testing.T) {
	t.Parallel()
	s := session1(9)
	finish := func(ids ...ha.ActivationID) {
		s.order(order(subjects.OrderActivate, 5, ids...))
		for _, id := range ids {
			done(s, id)
		}
	}
	finish("a1", "a2")
	steps := []struct {
		says   int
		answer answer
	}{{2, refused}, {1, unanswered}, {1, accepted}, {1, refused}, {1, refused}, {3, unanswered}, {3, accepted}}
	for i, step := range steps {
		if i == 1 {
			finish("b1", "b2", "b3")
		}
		if said := s.report(); len(said) != step.says {
			t.Fatalf("step %d: says %+v", i, said)
		}
		s.reported(step.answer, "why")
	}
	if !s.empty() {
		t.Errorf("holds %v", s.running())
	}
}

func TestSessionLeaving(t *testing.T) {
	t.Parallel()
	s := session1(2)
	s.order(order(subjects.OrderActivate, 5, "a1", "a2"))
	done(s, "a1")
	s.report()
	s.drain()
	a2 := s.known.get("a2").run
	s.abandon() // a2 is not waited for
	if s.empty() {
		t.Error("a1 was not acknowledged yet")
	}
	s.ended(a2) // too late
	s.reported(unanswered, "")
	if r := s.report(); len(r) != 1 || r[0].Activation != "a1" {
		t.Errorf("reports %v", r)
	}
	s.leave() // with a1 in flight
	s.reported(unknown, "")
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
