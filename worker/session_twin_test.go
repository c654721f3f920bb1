package worker

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// twin is a session of the plainest kind: it remembers everything that ever
// happened and decides by looking through it.
type twin struct {
	slots    int
	epoch    ha.Epoch
	draining bool
	log      []twinEntry
	ends     int
	kept     []twinOrder
}

// twinOrder is an order of an epoch that no answer has confirmed.
type twinOrder struct {
	epoch ha.Epoch
	ids   []ha.ActivationID
	other bool // a cancel
	asked bool // somebody was asked since
}

func (o twinOrder) size() int { return max(1, len(o.ids)) }

// keep keeps an order if there is room.
func (w *twin) keep(o twinOrder) {
	size := o.size()
	for _, k := range w.kept {
		size += k.size()
	}
	if size <= w.slots {
		w.kept = append(w.kept, o)
	}
}

// answered returns what becomes of the orders that were kept when an answer says that epoch. All those
// that came before somebody was asked are judged by it.
func (w *twin) answered(epoch ha.Epoch, asked bool) (now []twinOrder) {
	w.epoch = max(w.epoch, epoch)
	var rest []twinOrder
	for _, o := range w.kept {
		switch {
		case o.epoch <= w.epoch:
			now = append(now, o)
		case !asked || !o.asked || epoch < w.epoch:
			rest = append(rest, o)
		}
	}
	w.kept = rest
	return now
}

type twinEntry struct {
	id                        ha.ActivationID
	running, ended, said, ack bool
	rejected                  bool
	alone, replaced           bool // after a refusal
	order                     int  // in which it ended
}

// end notes that the entry has an outcome.
func (w *twin) end(e *twinEntry) {
	w.ends++
	e.running, e.ended, e.order = false, true, w.ends
}

// waiting lists the outcomes that are to be said next, the oldest first.
func (w *twin) waiting() (out []*twinEntry) {
	for i := range w.log {
		if e := &w.log[i]; e.ended && !e.ack {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *twinEntry) int { return a.order - b.order })
	if len(out) > 0 && out[0].alone {
		return out[:1]
	}
	return out
}

// refuse does what follows where those that were said are refused.
func (w *twin) refuse(said []*twinEntry) {
	for _, e := range said {
		switch {
		case len(said) > 1:
			e.alone = true
		case e.replaced || e.rejected:
			e.ack = true
		default:
			e.replaced, e.alone = true, true
		}
	}
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
	if epoch != w.epoch {
		if epoch > w.epoch {
			w.keep(twinOrder{epoch: epoch, ids: ids})
		}
		return nil, nil
	}
	for _, id := range ids {
		if w.find(id) != nil {
			continue
		}
		busy := len(w.list(func(e twinEntry) bool { return e.running }))
		if free := busy < w.slots && !w.draining; free {
			w.log = append(w.log, twinEntry{id: id, running: true})
			start = append(start, id)
		} else {
			w.log = append(w.log, twinEntry{id: id, rejected: true})
			w.end(&w.log[len(w.log)-1])
			rejected = append(rejected, id)
		}
	}
	return start, rejected
}

// TestSessionEqualsItsTwin sends both through duplicates, reordering, lower
// epochs, cancels, refusals, lost and repeated acknowledgements.
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
				checkDecision(t, d, e, start, rejected)
			},
			"cancel": func(t *rapid.T) {
				e, x := epoch.Draw(t, "e"), id.Draw(t, "id")
				d := s.order(order(subjects.OrderCancel, e, x))
				entry := w.find(x)
				want := e == w.epoch && entry != nil && entry.running
				if e > w.epoch {
					w.keep(twinOrder{epoch: e, ids: []ha.ActivationID{x}, other: true})
				}
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
				done(s, x)
				if e := w.find(x); e != nil && e.running {
					w.end(e)
				}
			},
			"report": func(t *rapid.T) {
				want := w.waiting()
				if slices.ContainsFunc(w.log, func(e twinEntry) bool { return e.said }) {
					want = nil // one is in flight
				}
				said := s.report()
				if len(said) != len(want) {
					t.Fatalf("says %v, want %d", said, len(want))
				}
				for i, e := range want {
					outcome := ha.OutcomeDone
					switch {
					case e.rejected:
						outcome = ha.OutcomeRejected
					case e.replaced:
						outcome = ha.OutcomeFailed
					}
					if said[i].Activation != e.id || said[i].Outcome != outcome {
						t.Fatalf("says %+v, want %s of %s", said[i], outcome, e.id)
					}
					e.said = true
				}
			},
			"reported": func(t *rapid.T) {
				var said []*twinEntry
				for i := range w.log {
					if e := &w.log[i]; e.said {
						said = append(said, e)
						e.said = false
					}
				}
				if len(said) == 0 {
					return
				}
				a := rapid.SampledFrom([]answer{unanswered, accepted, settled, refused}).Draw(t, "answer")
				if s.reported(a, "why") == (a == unanswered) {
					t.Fatalf("after %d: to be repeated: %v", a, a != unanswered)
				}
				switch a {
				case refused:
					w.refuse(said)
				case accepted, settled:
					for _, e := range said {
						e.ack = true
					}
				}
			},
			"beat": func(t *rapid.T) {
				e := epoch.Draw(t, "e")
				s.missed = 0 // losing the dispatcher is another test's matter
				s.beat(accepted, e)
				obeyKept(t, s, w, w.answered(e, false))
			},
			"inquire": func(*rapid.T) {
				s.inquire()
				for i := range w.kept {
					w.kept[i].asked = true
				}
			},
			"inquired": func(t *rapid.T) {
				e := epoch.Draw(t, "e")
				a := rapid.SampledFrom([]answer{unanswered, accepted, settled}).Draw(t, "answer")
				s.inquired(a, e)
				if a == accepted && e >= w.epoch {
					obeyKept(t, s, w, w.answered(e, true))
				}
				for i := range w.kept {
					w.kept[i].asked = false
				}
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

// obeyKept compares what both make of the orders that an answer has confirmed.
func obeyKept(t *rapid.T, s *session, w *twin, want []twinOrder) {
	got := s.confirmed()
	if len(got) != len(want) {
		t.Fatalf("obeys %v, want %v", got, want)
	}
	for i, o := range want {
		d := s.order(got[i])
		if o.other {
			e := w.find(o.ids[0])
			if want := o.epoch == w.epoch && e != nil && e.running; (len(d.cancel) == 1) != want {
				t.Fatalf("cancels %v, want %v", d.cancel, want)
			}
			continue
		}
		start, rejected := w.activate(o.epoch, o.ids)
		checkDecision(t, d, o.epoch, start, rejected)
	}
}

func checkDecision(t *rapid.T, d decision, epoch ha.Epoch, start, rejected []ha.ActivationID) {
	var started []ha.ActivationID
	for _, a := range d.start {
		started = append(started, a.ID)
		if a.Epoch != epoch || a.Worker != "w" {
			t.Fatalf("started %+v", a)
		}
	}
	if !slices.Equal(started, start) || !slices.Equal(d.rejected, rejected) {
		t.Fatalf("starts %v rejects %v, want %v and %v", started, d.rejected, start, rejected)
	}
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
