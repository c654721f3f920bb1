package dispatcher_test

import (
	"fmt"
	"testing"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// TestAnActivationTellsTheTask: its failures, priority and time of submission are those of the record, and with strict
// priorities it comes first.
func TestAnActivationTellsTheTask(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Tasks.Aging = dispatcher.StrictPriority })
	orders := r.orders()
	r.submit(`{"id":"low","kind":"k"}`)
	r.submit(`{"id":"high","kind":"k","priority":7,"retry":{"backoff_ms":1,"jitter":-1}}`)
	id := r.hello(`{"weight":1,"kinds":["k"]}`).ID
	for failures := range 3 {
		w := receive(t, orders, "an activation").Work[0]
		if got, want := w.Task, r.record("high"); got.ID != "high" || got.Priority != 7 || got.Failures != failures || want.Failures != failures ||
			!got.SubmittedAt.Equal(want.SubmittedAt) || want.SubmittedAt.IsZero() {
			t.Errorf("the activation says %+v, the record %+v", got, want)
		}
		// The other task takes the slot until the pause is over.
		r.must(r.names.Available(id), fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"failed","error":"busy"}]}`, w.Activation), &subjects.OK{})
		if failures == 0 {
			other := receive(t, orders, "the other task").Work[0]
			if other.Task.ID != "low" || other.Task.Priority != 0 || other.Task.Failures != 0 {
				t.Errorf("then came %+v", other.Task)
			}
			r.must(r.names.Available(id), fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"done"}]}`, other.Activation), &subjects.OK{})
		}
	}
}
