package dispatcher_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// unmoved wants that requests are refused and nothing is different afterwards.
func (r *rig) unmoved(list map[string][]refusal) {
	r.t.Helper()
	before := r.taskReport()
	for what, bad := range list {
		for _, b := range bad {
			r.refused(r.names.Task(what), b.body, b.status, b.code)
		}
	}
	if after := r.taskReport(); !maps.Equal(before.Tasks, after.Tasks) || before.Bytes != after.Bytes {
		r.t.Errorf("refused requests changed the state\nfrom %+v\nto   %+v", before, after)
	}
	if s := r.status(); s.Malformed != 0 {
		r.t.Errorf("%d requests counted as malformed, though they were not", s.Malformed)
	}
}

// TestWhatContradictsTheTasks: well-formed, and impossible because of what there is.
func TestWhatContradictsTheTasks(t *testing.T) {
	r := started(t, nil)
	r.submit(`{"id":"a","kind":"k","payload":{"x":1},"labels":{"l":"1"}}`)
	r.submit(`{"id":"u","kind":"k","unique_key":"only"}`)
	r.submit(`{"id":"joined","kind":"k","batch":"shut"}`)
	r.submit(`{"id":"closes","kind":"k","batch":"ring","after":["later"]}`)
	r.must(r.names.Task(subjects.TaskBatch), `{"name":"shut","close":true}`, new(ha.TaskBatch))
	for i, after := range []string{"three", "one", "two"} { // of which the last would close the ring
		id := []string{"one", "two", "three"}[i]
		body := fmt.Sprintf(`{"id":%q,"kind":"k","after":[%q]}`, id, after)
		if i < 2 {
			r.submit(body)
			continue
		}
		r.unmoved(map[string][]refusal{subjects.TaskSubmit: {{body, 409, "cyclic"}}})
	}
	r.unmoved(map[string][]refusal{
		subjects.TaskSubmit: {
			{`{"id":"a","kind":"k","payload":{"x":2},"labels":{"l":"1"}}`, 409, "id_conflict"},
			{`{"id":"a","kind":"k","payload":{"x":1}}`, 409, "id_conflict"},
			{`{"id":"a","kind":"k","payload":{"x":1},"labels":{"l":"1"},"priority":1}`, 409, "id_conflict"},
			{`{"id":"a","kind":"other","payload":{"x":1},"labels":{"l":"1"}}`, 409, "id_conflict"},
			{`{"id":"v","kind":"k","unique_key":"only"}`, 409, "not_unique"},
			{`{"kind":"k","batch":"shut"}`, 409, "batch_closed"},
			{`{"id":"later","kind":"k","after_batch":"ring"}`, 409, "cyclic"},
			{`{"id":"three","kind":"k","after":["a","u","two","joined"]}`, 409, "cyclic"},
		},
		subjects.TaskGet:    {{`{"id":"none"}`, 404, "unknown_task"}},
		subjects.TaskWait:   {{`{"id":"none"}`, 404, "unknown_task"}},
		subjects.TaskCancel: {{`{"id":"none"}`, 404, "unknown_task"}},
		subjects.TaskRetry:  {{`{"id":"none"}`, 404, "unknown_task"}},
		subjects.TaskBatch: {
			{`{"name":"none"}`, 404, "unknown_batch"},
			{`{"name":"ring","then":{"id":"later","kind":"k"}}`, 409, "cyclic"},
			{`{"name":"new","close":true,"then":{"id":"a","kind":"k"}}`, 409, "id_conflict"},
			{`{"name":"new"}`, 404, "unknown_batch"}, // which the refusal before has not made
		},
	})
	if again := r.submit(`{"id":"a","labels":{"l":"1"},"payload":{"x":1},"kind":"k"}`); !again.Duplicate || again.ID != "a" {
		t.Errorf("the same again is answered with %+v", again)
	}
	if a := r.record("a"); string(a.Payload) != `{"x":1}` || a.Priority != 0 || a.State != ha.TaskPending {
		t.Errorf("the refused submissions changed task a: %+v", a)
	}
	// The ring is open where it was not closed.
	r.submit(`{"id":"three","kind":"k"}`)
	r.submit(`{"id":"later","kind":"k"}`)
	r.must(r.names.Task(subjects.TaskCancel), `{"id":"three"}`, new(ha.TaskRecord))
	for _, id := range []ha.TaskID{"one", "two"} {
		eventually(t, "the end of "+string(id), func() bool { got := r.record(id); return got.State == ha.TaskFailed && got.Reason == "upstream_failed" })
	}
}

// TestAnArrayContradictsItself: each task is judged by those before it as well.
func TestAnArrayContradictsItself(t *testing.T) {
	r := started(t, nil)
	var answers []subjects.Submitted
	r.must(r.names.Task(subjects.TaskSubmit), `[{"id":"a","kind":"k","after":["c"]},{"id":"b","kind":"k","after":["a"]},{"id":"c","kind":"k","after":["b"]},
		{"id":"d","kind":"k","payload":1},{"id":"d","kind":"k","payload":1},{"id":"d","kind":"k","payload":2},
		{"id":"e","kind":"k","unique_key":"u"},{"id":"f","kind":"k","unique_key":"u"}]`, &answers)
	var got []string
	for _, a := range answers {
		switch {
		case a.Error != nil:
			got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s", a.Error.Status, a.Error.Code, a.ID)))
		case a.Duplicate:
			got = append(got, string(a.ID)+" again")
		default:
			got = append(got, string(a.ID))
		}
	}
	const want = "a, b, 409 cyclic, d, d again, 409 id_conflict, e, 409 not_unique e"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if tasks := r.taskReport().Tasks; tasks[ha.TaskWaiting] != 2 || tasks[ha.TaskPending] != 2 {
		t.Errorf("tasks are %v", tasks)
	}
}

// TestAForgottenIDIsNotForgotten: a task that is kept no longer is a duplicate or a
// conflict still.
func TestAForgottenIDIsNotForgotten(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Tasks.RetainTasks = dispatcher.RetainNone })
	r.submit(`{"id":"a","kind":"k","payload":1}`)
	r.must(r.names.Task(subjects.TaskCancel), `{"id":"a"}`, new(ha.TaskRecord))
	eventually(t, "the task to be forgotten", func() bool { return r.ask(r.names.Task(subjects.TaskGet), `{"id":"a"}`, new(ha.TaskRecord)) != nil })
	r.unmoved(map[string][]refusal{
		subjects.TaskSubmit: {{`{"id":"a","kind":"k","payload":2}`, 409, "id_conflict"}},
		subjects.TaskRetry:  {{`{"id":"a"}`, 404, "unknown_task"}},
	})
	if again := r.submit(`{"id":"a","kind":"k","payload":1}`); !again.Duplicate {
		t.Errorf("the same again is answered with %+v", again)
	}
	if tasks := r.taskReport().Tasks; tasks[ha.TaskPending] != 0 {
		t.Errorf("tasks are %v", tasks)
	}
}

// TestReportsThatDoNotCount: of somebody else's activation, or of an attempt that is
// over. Whatever they say, the task goes on as if nobody had said it.
func TestReportsThatDoNotCount(t *testing.T) {
	r := started(t, nil)
	work := r.orders()
	first := r.hello(`{"weight":1,"kinds":["k"]}`).ID
	r.submit(`{"id":"t","kind":"k","retry":{"max_attempts":3,"backoff_ms":1}}`)
	one := nextTask(t, work)
	r.submit(`{"id":"filler","kind":"k"}`) // keeps the first worker from the second attempt
	r.must(r.names.Available(first), finished(one.Activation, ha.OutcomeFailed), new(subjects.OK))
	if filler := nextTask(t, work); filler.Task.ID != "filler" {
		t.Fatalf("the first worker is given %+v", filler.Task)
	}
	other := r.hello(`{"weight":1,"kinds":["k"]}`).ID
	two := nextTask(t, work)
	if two.Task.ID != "t" || two.Task.Attempt != 2 || two.Activation == one.Activation {
		t.Fatalf("the second attempt is %+v, %+v", two, two.Task)
	}
	before := r.taskReport()
	for _, outcome := range []ha.Outcome{ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeTimedOut, ha.OutcomeCancelled, ha.OutcomeRejected} {
		r.refused(r.names.Available(other), forged(one.Activation, outcome), 409, "not_yours")
		r.refused(r.names.Available(first), forged(two.Activation, outcome), 409, "not_yours")
		r.refused(r.names.Available(first), forged("a0-1", outcome), 409, "not_yours")
		r.refused(r.names.Available("nobody"), forged(two.Activation, outcome), 404, "unknown_worker")
		// Its own old attempt the first worker may report again, as an answer may have been
		// lost. What else is in that report, and is not its own, is named in the answer.
		var reply subjects.OK
		both := strings.Replace(forged(one.Activation, outcome), `}]`, fmt.Sprintf(`},{"activation":%q,"outcome":"done"}]`, two.Activation), 1)
		if r.must(r.names.Available(first), both, &reply); len(reply.Ignored) != 1 || reply.Ignored[0] != two.Activation {
			t.Errorf("the answer is %+v", reply)
		}
	}
	for id, a := range map[ha.WorkerID]ha.ActivationID{other: one.Activation, first: two.Activation} {
		r.refused(r.names.Progress(id), fmt.Sprintf(`{"activation":%q,"percent":99,"text":"forged"}`, a), 409, "not_yours")
	}
	got := r.record("t")
	if got.State != ha.TaskRunning || got.Attempt != 2 || got.Failures != 1 || got.Activation != two.Activation || got.Result != nil || got.Error != "" || got.Progress != nil {
		t.Errorf("the task is %+v", got)
	}
	if after := r.taskReport(); !maps.Equal(before.Tasks, after.Tasks) || before.Bytes != after.Bytes {
		t.Errorf("the reports changed the state\nfrom %+v\nto   %+v", before, after)
	}
	r.report(other, two.Activation, `"true"`)
	if got := r.record("t"); got.State != ha.TaskCompleted || string(got.Result) != `"true"` || got.Worker != other {
		t.Errorf("the task is %+v", got)
	}
}

// forged says of an activation that it ended, with all that could be believed.
func forged(a ha.ActivationID, o ha.Outcome) string {
	return fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":%q,"error":"forged","permanent":true,"result":"forged"}]}`, a, o)
}

// TestALateReportFreesTheSlotAlone: of a task that the dispatcher took from its worker,
// because the time was up or somebody cancelled it.
func TestALateReportFreesTheSlotAlone(t *testing.T) {
	for name, c := range map[string]struct {
		task string
		end  func(*rig)
		want ha.TaskState
	}{
		"timed out": {`{"id":"t","kind":"k","timeout_ms":20,"retry":{"max_attempts":1}}`, func(*rig) {}, ha.TaskTimedOut},
		"cancelled": {`{"id":"t","kind":"k"}`, func(r *rig) { r.must(r.names.Task(subjects.TaskCancel), `{"id":"t"}`, new(ha.TaskRecord)) }, ha.TaskCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			r := started(t, nil)
			work := r.orders()
			id := r.hello(`{"weight":1,"kinds":["k"]}`).ID
			r.submit(c.task)
			late := nextTask(t, work).Activation
			r.submit(`{"id":"next","kind":"k"}`)
			c.end(r)
			var ended ha.TaskRecord
			r.must(r.names.Task(subjects.TaskWait), `{"id":"t","timeout_ms":9000}`, &ended)
			if ended.State != c.want || r.record("next").State != ha.TaskPending {
				t.Fatalf("the task is %+v, the next %+v", ended, r.record("next"))
			}
			for _, outcome := range []ha.Outcome{ha.OutcomeDone, ha.OutcomeFailed} {
				r.must(r.names.Available(id), forged(late, outcome), new(subjects.OK))
				if got := r.record("t"); got.State != c.want || got.Result != nil || got.Error != ended.Error || !got.EndedAt.Equal(ended.EndedAt) {
					t.Errorf("after a late %s the task is %+v", outcome, got)
				}
			}
			next := nextTask(t, work)
			r.report(id, next.Activation, `1`)
			if got := r.record("next"); got.State != ha.TaskCompleted {
				t.Errorf("the next task is %+v", got)
			}
		})
	}
}

// TestAWorkerThatComesBackHasNothing: its former activations are not its own any more.
func TestAWorkerThatComesBackHasNothing(t *testing.T) {
	r := started(t, nil)
	work := r.orders()
	before := r.hello(`{"weight":1,"kinds":["k"],"instance":"i"}`).ID
	r.submit(`{"id":"t","kind":"k"}`)
	one := nextTask(t, work)
	r.must(r.names.Bye(before), "", new(subjects.OK))
	now := r.hello(`{"weight":1,"kinds":["k"],"instance":"i"}`).ID
	two := nextTask(t, work)
	r.refused(r.names.Available(before), finished(one.Activation, ha.OutcomeDone), 404, "unknown_worker")
	r.refused(r.names.Available(now), finished(one.Activation, ha.OutcomeDone), 409, "not_yours")
	if got := r.record("t"); got.State != ha.TaskRunning || got.Activation != two.Activation || got.Worker != now {
		t.Errorf("the task is %+v", got)
	}
	r.report(now, two.Activation, `7`)
	if got := r.record("t"); got.State != ha.TaskCompleted || string(got.Result) != "7" {
		t.Errorf("the task is %+v", got)
	}
}

// TestAHandlerWhoseResultIsTooLarge fails its task for good, and its worker works on.
func TestAHandlerWhoseResultIsTooLarge(t *testing.T) {
	r := started(t, nil)
	w, err := worker.New(connect(t, server), worker.Config{Weight: 1, Slots: 1, Prefix: r.names.Prefix()})
	if err != nil {
		t.Fatal(err)
	}
	w.Handle("k", worker.Typed(func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n), nil }))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := receive(t, ended, "the worker's end"); err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	})
	for i, n := range []int{5 << 20, ha.MaxPayload - 1, 3, ha.MaxPayload - 2} {
		id := ha.TaskID(fmt.Sprint("t", i))
		r.submit(fmt.Sprintf(`{"id":%q,"kind":"k","payload":%d}`, id, n))
		var got ha.TaskRecord
		r.must(r.names.Task(subjects.TaskWait), fmt.Sprintf(`{"id":%q,"timeout_ms":9000}`, id), &got)
		if tooLarge := n+2 > ha.MaxPayload; tooLarge {
			if got.State != ha.TaskFailed || got.Reason != "permanent" || got.Attempt != 1 || got.Result != nil || !strings.Contains(got.Error, "at most 262144 bytes") {
				t.Errorf("a result of %d bytes: %+v", n+2, got)
			}
		} else if got.State != ha.TaskCompleted || len(got.Result) != n+2 {
			t.Errorf("a result of %d bytes: %s, result of %d bytes", n+2, got.State, len(got.Result))
		}
	}
}

// TestTheAnswerToManyRefusalsFits into a message of the size that every NATS server
// carries.
func TestTheAnswerToManyRefusalsFits(t *testing.T) {
	r := started(t, nil)
	r.submit(`{"id":"` + strings.Repeat("h", ha.MaxToken) + `","kind":"k","unique_key":"u"}`)
	for _, item := range []string{`{}`, `{"kind":"` + strings.Repeat("a.", 45) + `"}`, `{"kind":"k","unique_key":"u"}`, `{"kind":"k","on_upstream_failure":"maybe"}`} {
		msg, err := r.nc.Request(r.names.Task(subjects.TaskSubmit), []byte(listOf(subjects.MaxSubmit, item)), patience)
		if err != nil {
			t.Fatal(err)
		}
		var answers []subjects.Submitted
		if err := json.Unmarshal(msg.Data, &answers); err != nil || len(answers) != subjects.MaxSubmit || len(msg.Data) > 1<<20 {
			t.Fatalf("%d answers in %d bytes; %v", len(answers), len(msg.Data), err)
		}
		for i, a := range answers {
			if a.Error == nil || a.Error.Code != answers[0].Error.Code || a.Error.Status != answers[0].Error.Status || i < 100 && a.Error.Message == "" {
				t.Fatalf("answer %d is %+v", i, a.Error)
			}
		}
	}
}
