package sim

import (
	"fmt"
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Liars send orders that no leader sent, and reports that no worker sent. Nothing proves who sent a message, so
// they do not send what a leader of the present epoch or the worker itself might have sent: that has its effect.

// poison marks a task that no handler can begin with: it is given back each time, in one way or another.
const poison = "?"

// isPoison reports whether a payload is marked so.
func isPoison(payload []byte) bool { return strings.Contains(string(payload), poison) }

// lie has a liar send something to a worker, and to a leader.
func (n *nemesis) lie(o *worker) {
	w := n.w
	n.tally.Lies++
	if o.s != nil {
		list := make(orders, 1+w.rng.IntN(5))
		for i := range list {
			list[i] = order{
				cancel: w.chance(300), worker: o.s.id, epoch: w.forgedEpoch(o.s.epoch), activation: n.someActivation(),
			}
		}
		w.bus.send(w.liar, o, list)
	}
	in := step.Available{Worker: ha.WorkerID(fmt.Sprintf("%016x", w.rng.Uint64())), Leaving: w.chance(500)}
	if o.s != nil && w.chance(700) {
		in.Worker, in.Leaving = o.s.id, false
	}
	for range 1 + w.rng.IntN(3) {
		if id := n.someActivation(); !w.runs(in.Worker, id) {
			in.Finished = append(in.Finished, step.Finished{Activation: id, Outcome: pick(w, ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeRejected), Error: "a lie"})
		}
	}
	if len(in.Finished) > 0 {
		w.bus.request(w.liar, request{id: w.newRequestID(), input: in})
	}
}

// forgedEpoch is one that no leader has had, or one that is over by what the worker knows.
func (w *world) forgedEpoch(known ha.Epoch) ha.Epoch {
	if known > 1 && w.chance(300) {
		return ha.Epoch(w.rng.Uint64N(uint64(known)))
	}
	return pick(w, ha.Epoch(1<<63), ha.Epoch(1<<64-1), w.books.epoch+1<<20)
}

// someActivation is one that there was or is, or one that is made up.
func (n *nemesis) someActivation() ha.ActivationID {
	w := n.w
	if count := len(w.books.activations); count > 0 && w.chance(800) {
		return w.books.activationID(uint64(count - w.rng.IntN(min(count, 20))))
	}
	return ha.ActivationID(fmt.Sprintf("azzzz-%d", w.rng.IntN(1000)))
}

// runs reports whether a worker was given an activation.
func (w *world) runs(id ha.WorkerID, a ha.ActivationID) bool {
	g := w.books.find(a)
	return g != nil && g.worker == id
}

// liar is a node that sends lies, and does not hear what it is told.
type liar struct{ node }

func (*liar) receive(receiver, any) {}
