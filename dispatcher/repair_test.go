package dispatcher_test

import (
	"fmt"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// holding is a heartbeat's body.
func holding(ids ...ha.ActivationID) string {
	body := `{"running":[`
	for i, id := range ids {
		if i > 0 {
			body += ","
		}
		body += fmt.Sprintf("%q", id)
	}
	return body + `]}`
}

// none wants that no order has been sent. The status is asked for first, since
// its answer comes after all that was sent before it.
func (r *rig) none(orders <-chan order) {
	r.t.Helper()
	r.status()
	if err := r.nc.FlushTimeout(patience); err != nil {
		r.t.Fatal(err)
	}
	select {
	case o := <-orders:
		r.t.Fatalf("an order came that nothing called for: %+v", o)
	default:
	}
}

// TestALostActivationIsRepaired: the worker never receives the order, so that its
// heartbeats do not list it.
func TestALostActivationIsRepaired(t *testing.T) {
	r := started(t, nil)
	orders, events := r.orders(), r.events()
	id := r.hello(`{"weight":1}`).ID
	first := receive(t, orders, "an activation").activation(t) // which it ignores
	r.heartbeat(id, holding())
	r.none(orders)
	r.heartbeat(id, holding())
	second := receive(t, orders, "another activation after two heartbeats").activation(t)
	if second == first {
		t.Errorf("activation %s was sent twice", first)
	}
	for e := receive(t, events, "the end of the first"); ; e = receive(t, events, "the end of the first") {
		if e.what == "worker.available" {
			if e.Activation != first || e.Outcome != ha.OutcomeLost {
				t.Errorf("the end of %s was told as %+v", first, e.Event)
			}
			break
		}
	}
	if a := r.status().Activations; a.Lost != 1 || a.Running != 1 || a.Started != 2 {
		t.Errorf("counted %+v", a)
	}
	if w := r.workers()[0]; w.Running != 1 || !w.Busy || w.Activations != 2 {
		t.Errorf("worker is %+v", w)
	}
}

// TestALostAvailableIsRepaired: the worker had the activation, and is through with it.
func TestALostAvailableIsRepaired(t *testing.T) {
	r := started(t, nil)
	orders := r.orders()
	id := r.hello(`{"weight":1}`).ID
	first := receive(t, orders, "an activation").activation(t)
	for range 3 {
		r.heartbeat(id, holding(first))
		r.heartbeat(id, `{}`) // says nothing about it
		r.heartbeat(id, ``)
		r.heartbeat(id, `{"running":null}`)
	}
	r.heartbeat(id, holding())
	r.heartbeat(id, holding(first)) // the other one had crossed the order
	r.heartbeat(id, holding())
	r.none(orders)
	r.heartbeat(id, holding())
	receive(t, orders, "another activation after two heartbeats")
	// The available comes after all: accepted, and what was closed stays closed.
	r.available(id, first)
	if a := r.status().Activations; a.Lost != 1 || a.Done != 0 || a.Running != 1 {
		t.Errorf("counted %+v", a)
	}
}

// TestAnActivationThatArrivesAfterItWasGivenUp: the worker is told to stop it and
// gets nothing new until it has.
func TestAnActivationThatArrivesAfterItWasGivenUp(t *testing.T) {
	r := started(t, nil)
	orders := r.orders()
	id := r.hello(`{"weight":1}`).ID
	late := receive(t, orders, "an activation").activation(t)
	r.heartbeat(id, holding())
	r.heartbeat(id, holding())
	second := receive(t, orders, "another activation").activation(t)
	r.heartbeat(id, holding(late, second))
	o := receive(t, orders, "an order to stop what was given up")
	if o.Order != subjects.OrderCancel || o.ID != id || len(o.Work) != 1 || o.Work[0].Activation != late {
		t.Fatalf("order is %+v, want to cancel %s", o, late)
	}
	r.must(r.names.Available(id), finished(late, ha.OutcomeCancelled), new(map[string]any))
	r.none(orders)
	r.heartbeat(id, holding(second))
	r.none(orders)
	r.available(id, second)
	receive(t, orders, "the next activation")
	if a := r.status().Activations; a.Lost != 1 || a.Done != 1 || a.Cancelled != 0 {
		t.Errorf("counted %+v", a)
	}
}

// TestARepeatedAvailableHasItsEffectOnce: the answer to the first was lost.
func TestARepeatedAvailableHasItsEffectOnce(t *testing.T) {
	r := started(t, nil)
	orders := r.orders()
	id := r.hello(`{"weight":1}`).ID
	first := receive(t, orders, "an activation").activation(t)
	for range 3 {
		r.available(id, first)
	}
	receive(t, orders, "the next activation")
	r.none(orders)
	if a := r.status().Activations; a.Done != 1 || a.Running != 1 || a.Started != 2 {
		t.Errorf("counted %+v", a)
	}
}
