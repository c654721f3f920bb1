package dispatcher_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// TestBadTaskInputIsRefusedAndHarmsNothing sends all that is malformed, as requests
// and as messages without a reply subject, beside a task that runs and one that
// waits for its turn.
func TestBadTaskInputIsRefusedAndHarmsNothing(t *testing.T) {
	r := started(t, nil)
	work := r.orders()
	id := r.hello(`{"weight":1,"kinds":["k"]}`).ID
	r.submit(`{"id":"runs","kind":"k","payload":1}`)
	r.submit(`{"id":"next","kind":"k","payload":2}`)
	held := nextTask(t, work).Activation
	before := r.taskReport()
	bad := map[string][]refusal{r.names.Available(id): badOutcomes(held), r.names.Progress(id): badReports(held)}
	for what, list := range badTaskRequests() {
		bad[r.names.Task(what)] = list
	}
	var sent uint64
	for subject, list := range bad {
		sent += r.sendBad(t, subject, list)
	}
	eventually(t, "all malformed messages to be counted", func() bool { return r.status().Malformed == sent })
	after := r.taskReport()
	if !maps.Equal(before.Tasks, after.Tasks) || before.Bytes != after.Bytes || len(after.Kinds) != 1 || len(after.Pools) != 1 || len(after.Limits) != 0 {
		t.Errorf("bad input changed the state\nfrom %+v\nto   %+v", before, after)
	}
	if s := r.status(); s.Workers.Registered != 1 || s.Activations.Running != 1 || s.Activations.Started != 1 {
		t.Errorf("the worker noticed: %+v", s)
	}
	for _, want := range []ha.TaskID{"runs", "next"} {
		r.report(id, held, `"good"`)
		if got := r.record(want); got.State != ha.TaskCompleted || string(got.Result) != `"good"` {
			t.Errorf("after the bad input task %s is %+v", want, got)
		}
		if want == "runs" {
			held = nextTask(t, work).Activation
		}
	}
}

// TestAnArrayIsJudgedItemByItem puts every bad task into one submission, each
// between good ones.
func TestAnArrayIsJudgedItemByItem(t *testing.T) {
	r := started(t, nil)
	bad := badTasks()
	items := []string{`{"kind":"k"}`}
	for i, b := range bad {
		items = append(items, b.body, fmt.Sprintf(`{"kind":"k","payload":%d}`, i))
	}
	body := "[" + strings.Join(items, ",") + "]"
	if len(body) > subjects.MaxBody {
		t.Fatalf("the bad tasks take %d bytes: send them in two", len(body))
	}
	var answers []subjects.Submitted
	r.must(r.names.Task(subjects.TaskSubmit), body, &answers)
	if len(answers) != len(items) {
		t.Fatalf("%d answers for %d tasks", len(answers), len(items))
	}
	for i, a := range answers {
		if i%2 == 0 {
			if a.Error != nil || a.ID == "" {
				t.Errorf("good task %d is answered with %+v", i/2, a)
			}
			continue
		}
		want := bad[i/2]
		if a.Error == nil || a.Error.Status != want.status || a.Error.Code != want.code || a.ID != "" {
			t.Errorf("%s\n got %+v, %+v\nwant %d %s", subjects.Quote(want.body), a, a.Error, want.status, want.code)
		}
	}
	if got := r.taskReport().Tasks[ha.TaskPending]; got != len(bad)+1 {
		t.Errorf("%d tasks are pending, want %d", got, len(bad)+1)
	}
}

// TestUnknownFieldsAreIgnored: also if they are of the names and in the places
// of others that mean something.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	r := started(t, nil)
	r.submit(`{"id":"a","later":{"kind":7,"after":["a"]},"kind":"k","payload":{"kind":9,"id":"z"},"timeout":-1,"runat":"never","retry":{"attempts":-1}}`)
	r.submit(`{"id":"b","steps":[{"kind":"k","name":7}],"labels":{"kind":"7"},"state":"completed","attempt":-3,"result":1}`)
	if a := r.record("a"); a.State != ha.TaskPending || a.Kind != "k" || string(a.Payload) != `{"kind":9,"id":"z"}` || a.MaxAttempts != 5 {
		t.Errorf("task a is %+v", a)
	}
	if b := r.record("b"); b.State != ha.TaskPending || b.Attempt != 0 || b.Result != nil || b.Labels["kind"] != "7" {
		t.Errorf("task b is %+v", b)
	}
	var page subjects.TaskPage
	r.must(r.names.Task(subjects.TaskList), `{"colour":"blue","limit":1,"page":-1}`, &page)
	var record ha.TaskRecord
	r.must(r.names.Task(subjects.TaskCancel), `{"id":"b","reason":["none"]}`, &record)
	if len(page.Tasks) != 1 || record.State != ha.TaskCancelled {
		t.Errorf("the page is %+v, the cancelled task %+v", page, record)
	}
}

// submit wants one task to be taken.
func (r *rig) submit(body string) subjects.Submitted {
	r.t.Helper()
	var s subjects.Submitted
	r.must(r.names.Task(subjects.TaskSubmit), body, &s)
	return s
}

func (r *rig) record(id ha.TaskID) ha.TaskRecord {
	r.t.Helper()
	var record ha.TaskRecord
	r.must(r.names.Task(subjects.TaskGet), fmt.Sprintf(`{"id":%q}`, id), &record)
	return record
}

func (r *rig) taskReport() subjects.TaskReport {
	r.t.Helper()
	var report subjects.TaskReport
	r.must(r.names.Task(subjects.TaskStats), "", &report)
	return report
}

// report ends an attempt with a result.
func (r *rig) report(id ha.WorkerID, a ha.ActivationID, result string) {
	r.t.Helper()
	var reply subjects.OK
	r.must(r.names.Available(id), fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"done","result":%s}]}`, a, result), &reply)
	if !reply.OK || len(reply.Ignored) > 0 {
		r.t.Errorf("available is answered with %+v", reply)
	}
}

// nextTask waits for the next order to start a task, of one, and returns what to run.
func nextTask(t *testing.T, orders <-chan order) subjects.Work {
	t.Helper()
	for {
		o := receive(t, orders, "an order to start a task")
		if o.Order != subjects.OrderActivate {
			continue // a probe, or a cancel
		}
		o.activation(t)
		if o.Work[0].Task == nil {
			t.Fatalf("the order is for a plain activation: %+v", o)
		}
		return o.Work[0]
	}
}
