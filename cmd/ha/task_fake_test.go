package main

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/fake"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// fakeWorker is the id of every worker that says hello.
const fakeWorker = "0000000000000001"

// fakeTasks answers what a dispatcher is asked of tasks, from a map. It gives
// tasks to whatever worker says hello, at once and without limit, and refuses
// tasks of the kinds "full" and "refused", the former only so often.
type fakeTasks struct {
	url   string
	nc    *nats.Conn
	names subjects.Names

	mu      sync.Mutex
	order   []ha.TaskID
	records map[ha.TaskID]*ha.TaskRecord
	workers int
	full    int
	// instead, if it is set and returns something, answers in place of the fake.
	instead func(what string) any
	// stuck: workers are given nothing.
	stuck bool
	// asked are the requests but for submissions, as what was asked and the body.
	asked []string
	// sizes are those of the submissions.
	sizes []int
}

func startFakeTasks(t *testing.T) *fakeTasks {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	d := fake.New(t, nc, "")
	f := &fakeTasks{url: server.URL(), nc: nc, names: d.Names, records: map[ha.TaskID]*ha.TaskRecord{}}
	d.Otherwise = f.answer
	d.Listen(f.names.Hello(), f.names.HeartbeatAll(), f.names.AvailableAll(), f.names.ByeAll(), f.names.Task("*"))
	return f
}

// put adds a record as if it had been submitted.
func (f *fakeTasks) put(r ha.TaskRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order = append(f.order, r.ID)
	f.records[r.ID] = &r
}

func (f *fakeTasks) answer(r fake.Request) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch subjects.Topic(r.What) {
	case subjects.TopicHello:
		f.workers++
		return subjects.HelloReply{ID: fakeWorker, HeartbeatMS: 1000, ReplyTimeoutMS: 1000, Misses: 5, EvictAfterMS: 60_000, Activate: f.names.Activate(), Epoch: 1}
	case subjects.TopicHeartbeat:
		return subjects.HeartbeatReply{OK: true, Epoch: 1}
	case subjects.TopicBye:
		f.workers--
		return subjects.OK{OK: true}
	case subjects.TopicAvailable:
		f.finish(r.Data)
		return subjects.OK{OK: true}
	}
	return f.task(r.What, r.Data)
}

func (f *fakeTasks) task(what string, body []byte) any {
	if f.instead != nil {
		if answer := f.instead(what); answer != nil {
			return answer
		}
	}
	if what == subjects.TaskSubmit {
		return f.submit(body)
	}
	f.asked = append(f.asked, what+" "+string(body))
	switch what {
	case subjects.TaskGet, subjects.TaskWait, subjects.TaskCancel, subjects.TaskRetry, subjects.TaskRun:
		var r subjects.RetryRequest
		_ = json.Unmarshal(body, &r)
		if r.Kind != "" {
			return subjects.Retried{Retried: 7}
		}
		record := f.records[r.ID]
		if record == nil {
			return ha.NotFound("unknown_task", "there is no task %s", r.ID)
		}
		if what == subjects.TaskCancel && !record.State.Final() {
			record.State = ha.TaskCancelled
			f.tell(subjects.OrderCancel, subjects.Work{Activation: activation(r.ID)})
		}
		return record
	case subjects.TaskList:
		var r subjects.ListRequest
		_ = json.Unmarshal(body, &r)
		page := subjects.TaskPage{Tasks: []ha.TaskRecord{}}
		for _, id := range f.order {
			if record := *f.records[id]; (r.State == "" || record.State == r.State) && (r.Kind == "" || record.Kind == r.Kind) {
				page.Tasks = append(page.Tasks, record)
			}
		}
		return page
	case subjects.TaskStats:
		return subjects.TaskReport{Tasks: map[ha.TaskState]int{ha.TaskFailed: 7}, Kinds: []subjects.KindStats{{Kind: "sha512", Failed: 7, Limit: &ha.Limit{Kind: "sha512", Concurrency: 3}}},
			Pools: []subjects.PoolStats{{Pool: "gpu", Limit: &ha.Limit{Pool: "gpu", Concurrency: 7}}}, Limits: []ha.Limit{{Key: "user-7", Concurrency: 1}}}
	case subjects.TaskBatch:
		return ha.TaskBatch{Name: "night", Total: 3, Ended: 3, Completed: 2, Failed: 1, Closed: true, Done: true}
	case subjects.TaskPull:
		return subjects.Pulled{}
	}
	return subjects.OK{OK: true}
}

func (f *fakeTasks) submit(body []byte) any {
	list, many, err := subjects.DecodeSubmit(body)
	if err != nil {
		return err
	}
	f.sizes = append(f.sizes, len(list))
	answers := make([]subjects.Submitted, 0, len(list))
	for _, s := range list {
		refusal := s.Err
		switch {
		case refusal != nil:
		case s.Spec.Kind == "refused":
			refusal = ha.Conflict("id_conflict", "the id is that of another task")
		case s.Spec.Kind == "full" && f.full > 0:
			f.full--
			refusal = ha.Overloaded("backlog_full", "the backlog is full")
		}
		if refusal != nil {
			answers = append(answers, fake.Refused(refusal))
			continue
		}
		answers = append(answers, f.accept(s.Spec))
	}
	if many {
		return answers
	}
	if e := answers[0].Error; e != nil {
		return ha.Conflict(e.Code, "%s", e.Message)
	}
	return answers[0]
}

func (f *fakeTasks) accept(s *ha.TaskSpec) subjects.Submitted {
	if _, known := f.records[s.ID]; known {
		return subjects.Submitted{ID: s.ID, Duplicate: true}
	}
	f.order = append(f.order, s.ID)
	f.records[s.ID] = &ha.TaskRecord{
		ID: s.ID, Kind: s.Kind, State: ha.TaskPending, Payload: s.Payload, SubmittedAt: time.Now(), Labels: s.Labels, Priority: s.Priority, Batch: s.Batch,
	}
	if f.workers > 0 && !f.stuck {
		f.records[s.ID].State = ha.TaskRunning
		timeout := s.Timeout
		if timeout == 0 {
			timeout = 60_000
		}
		f.tell(subjects.OrderActivate, subjects.Work{Activation: activation(s.ID), Task: &subjects.WorkTask{
			ID: s.ID, Kind: s.Kind, Payload: s.Payload, Attempt: 1, TimeoutMS: timeout, Pool: "default", Labels: s.Labels,
		}})
	}
	return subjects.Submitted{ID: s.ID}
}

func activation(id ha.TaskID) ha.ActivationID { return ha.ActivationID("a-" + id) }

// tell gives the worker one order.
func (f *fakeTasks) tell(order subjects.Order, work subjects.Work) {
	body, _ := json.Marshal(subjects.Activate{ID: fakeWorker, Order: order, Epoch: 1, Work: []subjects.Work{work}})
	_ = f.nc.Publish(f.names.Activate(), body) // a test fails without it
}

// finish ends tasks as their worker says.
func (f *fakeTasks) finish(body []byte) {
	var a subjects.Available
	_ = json.Unmarshal(body, &a)
	for _, done := range a.Finished {
		record := f.records[ha.TaskID(strings.TrimPrefix(string(done.Activation), "a-"))]
		if record.State.Final() {
			continue // it was cancelled
		}
		record.State, record.Result, record.Error = ha.TaskCompleted, done.Result, done.Error
		if done.Permanent {
			record.Reason = "permanent"
		}
		switch done.Outcome {
		case ha.OutcomeDone:
		case ha.OutcomeTimedOut:
			record.State = ha.TaskTimedOut
		default:
			record.State = ha.TaskFailed
		}
		event, _ := json.Marshal(subjects.Event{Task: record.ID, Kind: record.Kind, At: time.Now()})
		what := string(record.State) // which is called as the event is
		_ = f.nc.Publish(f.names.Event(subjects.EntityTask, what), event)
	}
}

// ids are those of the tasks in the order of their submission.
func (f *fakeTasks) ids() []ha.TaskID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.order)
}

// requests are the requests but for submissions, and the sizes of these.
func (f *fakeTasks) requests() (asked []string, sizes []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked), slices.Clone(f.sizes)
}

// with changes the fake.
func (f *fakeTasks) with(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// record returns a copy of a record.
func (f *fakeTasks) record(id ha.TaskID) ha.TaskRecord {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.records[id]; r != nil {
		return *r
	}
	return ha.TaskRecord{}
}

// call runs a command in this process with something on its standard input.
func (f *fakeTasks) call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs process.Output
	status = run(t.Context(), args, only(map[string]string{"NATS_URL": f.url}), strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}
