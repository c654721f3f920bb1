package dispatcher_test

import (
	"encoding/json"
	"fmt"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// TestWhatWasSubmittedIsPassedOnByteForByte: to the worker, to those who ask for the task,
// to the tasks after it, and back to the dispatcher, for which it is the same.
func TestWhatWasSubmittedIsPassedOnByteForByte(t *testing.T) {
	const (
		payload  = `{"a": [1,  2.50,"<&>"], "b":"\u003c\/\u00e9"}`
		metadata = "[\n null ]"
		result   = `{ "r" : "\u2028<" }`
	)
	r := started(t, nil)
	orders := r.orders()
	w := r.hello(`{"weight":1,"kinds":["k"],"slots":2}`)
	submit := fmt.Sprintf(`{"id":"one","kind":"k","payload":%s,"metadata":%s}`, payload, metadata)
	r.must(r.names.Task(subjects.TaskSubmit), submit, new(subjects.Submitted))
	r.must(r.names.Task(subjects.TaskSubmit), `{"id":"two","kind":"k","after":["one"]}`, new(subjects.Submitted))
	same := func(what string, got json.RawMessage, want string) {
		t.Helper()
		if string(got) != want {
			t.Errorf("%s is %q, want %q", what, got, want)
		}
	}
	first := receive(t, orders, "an order").Work[0]
	same("the worker's payload", first.Task.Payload, payload)
	same("the worker's metadata", first.Task.Metadata, metadata)
	r.must(r.names.Available(w.ID), fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"done","result":%s}]}`, first.Activation, result), new(subjects.OK))
	same("the result upstream", receive(t, orders, "an order").Work[0].Task.Upstream[0].Result, result)
	for _, what := range []string{subjects.TaskGet, subjects.TaskWait, subjects.TaskCancel} {
		var record ha.TaskRecord
		r.must(r.names.Task(what), `{"id":"one"}`, &record)
		same(what+"'s payload", record.Payload, payload)
		same(what+"'s metadata", record.Metadata, metadata)
		same(what+"'s result", record.Result, result)
		var again subjects.Submitted
		r.must(r.names.Task(subjects.TaskSubmit), fmt.Sprintf(`{"id":"one","kind":"k","payload":%s,"metadata":%s}`, record.Payload, record.Metadata), &again)
		if !again.Duplicate {
			t.Errorf("what %s shows is another task: %+v", what, again)
		}
	}
	var pulled subjects.Pulled
	r.must(r.names.Task(subjects.TaskPull), `{}`, &pulled)
	if len(pulled.Results) != 1 {
		t.Fatalf("pulled %+v", pulled)
	}
	same("the pulled result", pulled.Results[0].Result, result)
}
