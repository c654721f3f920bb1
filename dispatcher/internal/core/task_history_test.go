package core

import (
	"fmt"
	"strconv"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// taskDo makes one random step about tasks, sensible or not.
func (h *history) taskDo() {
	h.t.Helper()
	switch n := h.rng.IntN(100); {
	case n < 45:
		h.submitted(h.step(step.Submit{At: h.now, Spec: h.spec()}))
	case n < 60:
		h.finishSome()
	case n < 68:
		h.step(step.CancelTask{At: h.now, ID: h.taskID()})
	case n < 76:
		h.step(step.RetryTask{At: h.now, ID: h.taskID()})
	case n < 78:
		h.step(step.RetryTask{At: h.now, Kind: h.kind(), Limit: 1 + h.rng.IntN(3)})
	case n < 83:
		in := step.PullTasks{At: h.now, Limit: 1 + h.rng.IntN(5), Bytes: 1000}
		if h.rng.IntN(2) == 0 {
			in.Receipt = "r" + strconv.Itoa(h.rng.IntN(10))
		}
		if h.rng.IntN(2) == 0 {
			in.Kind = h.kind()
		}
		h.step(in)
	case n < 86:
		in := step.SetPause{At: h.now, Paused: h.rng.IntN(3) == 0, Kind: h.kind()}
		if h.rng.IntN(2) == 0 {
			in.Kind, in.Pool = "", h.pool()
		}
		h.step(in)
	case n < 89:
		h.step(step.SetLimit{At: h.now, Limit: h.limit()})
	case n < 94:
		in := step.ChangeBatch{At: h.now, Name: h.batchName(), Close: h.rng.IntN(2) == 0}
		if h.rng.IntN(3) == 0 {
			in.Then = h.spec()
			in.Then.AfterBatch = in.Name
		}
		h.step(in)
	case n < 97:
		h.step(step.Progress{At: h.now, Worker: h.worker(), Activation: h.named[max(0, len(h.named)-1-h.rng.IntN(10))], Percent: 50})
	default:
		h.step(step.Gone{At: h.now, Worker: h.worker()})
	}
}

func (h *history) submitted(r step.Reply) {
	if r.Err == nil {
		h.tasks = append(h.tasks, r.Task)
	}
}

func (h *history) kind() string      { return "k" + strconv.Itoa(h.rng.IntN(3)) }
func (h *history) pool() string      { return []string{"default", "p1"}[h.rng.IntN(2)] }
func (h *history) batchName() string { return "b" + strconv.Itoa(h.rng.IntN(4)) }

func (h *history) taskID() ha.TaskID {
	if len(h.tasks) == 0 || h.rng.IntN(20) == 0 {
		return ha.TaskID("c" + strconv.Itoa(h.rng.IntN(60)))
	}
	return h.tasks[max(0, len(h.tasks)-1-h.rng.IntN(20))]
}

// finishSome ends some of what one worker runs, in some way.
func (h *history) finishSome() {
	var busy []*fleet.Worker
	for v := range h.core.Workers(0) {
		if v.Running > 0 && len(v.Kinds) > 0 {
			busy = append(busy, h.core.fleet.Find(v.Worker))
		}
	}
	if len(busy) == 0 {
		return
	}
	w := busy[h.rng.IntN(len(busy))]
	in := step.Available{At: h.now, Worker: w.Worker}
	for _, a := range runningOf(w) {
		if h.rng.IntN(3) == 0 {
			continue
		}
		f := step.Finished{Activation: a, Outcome: ha.OutcomeDone}
		if h.rng.IntN(2) == 0 {
			f.Result = []byte(strconv.Itoa(h.rng.IntN(1000)))
		}
		if h.rng.IntN(3) == 0 {
			f = step.Finished{Activation: a, Outcome: reportable[h.rng.IntN(len(reportable))], Error: "e", Permanent: h.rng.IntN(4) == 0}
		}
		in.Finished = append(in.Finished, f)
	}
	if len(in.Finished) > 0 {
		h.step(in)
	}
}

func (h *history) limit() ha.Limit {
	n := 5
	if h.keyless {
		n = 3
	}
	switch h.rng.IntN(n) {
	case 0:
		return ha.Limit{Kind: h.kind(), Concurrency: h.rng.IntN(3)}
	case 1:
		return ha.Limit{Kind: h.kind(), Rate: []float64{0, 0.5, 3}[h.rng.IntN(3)], Burst: 1 + h.rng.IntN(3)}
	case 2:
		return ha.Limit{Pool: h.pool(), Concurrency: h.rng.IntN(4)}
	case 3:
		return ha.Limit{Key: "*", Concurrency: h.rng.IntN(3)}
	}
	return ha.Limit{Key: "x" + strconv.Itoa(h.rng.IntN(3)), Concurrency: h.rng.IntN(3)}
}

// spec draws a task; most have little of what a task may have.
func (h *history) spec() *ha.TaskSpec {
	one := func(n int) bool { return h.rng.IntN(n) == 0 }
	s := &ha.TaskSpec{Kind: h.kind(), Priority: h.rng.IntN(3) - 1}
	if one(2) {
		s.Payload = []byte(fmt.Sprintf(`{"n":%d}`, h.rng.IntN(100)))
	}
	if one(2) {
		s.ID = ha.TaskID("c" + strconv.Itoa(h.rng.IntN(60)))
	}
	if one(4) {
		s.Pool = h.pool()
	}
	if one(4) {
		s.Timeout = ha.Millis(1 + h.rng.IntN(5000))
	}
	if one(3) {
		s.Retry = h.retry()
	}
	if one(4) {
		for range 1 + h.rng.IntN(3) {
			s.After = append(s.After, h.taskID())
		}
		if one(2) {
			s.OnUpstreamFailure = ha.UpstreamRun
		}
	}
	if one(8) {
		s.RunAt = h.now.Add(time.Duration(h.rng.IntN(20)-5) * time.Second)
	}
	if one(8) {
		s.ExpiresAt = h.now.Add(time.Duration(h.rng.IntN(20)-2) * time.Second)
	}
	if one(8) {
		s.UniqueKey = "u" + strconv.Itoa(h.rng.IntN(4))
	}
	if one(4) {
		s.ConcurrencyKey = "x" + strconv.Itoa(h.rng.IntN(3))
	}
	if one(5) {
		s.Batch = h.batchName()
	}
	if one(10) {
		s.AfterBatch = h.batchName()
	}
	if one(5) {
		s.Partial = one(3)
		for range 1 + h.rng.IntN(3) {
			step := ha.Step{Kind: h.kind(), Partial: one(4), Timeout: ha.Millis(h.rng.IntN(2) * 1000)}
			if one(3) {
				step.Retry = h.retry()
			}
			s.Steps = append(s.Steps, step)
		}
	}
	if one(8) {
		s.Labels, s.Metadata = map[string]string{"a": "1", "b": strconv.Itoa(h.rng.IntN(3))}, []byte(`{"m":true}`)
	}
	return s
}

func (h *history) retry() *ha.Retry {
	return &ha.Retry{MaxAttempts: 1 + h.rng.IntN(3), Backoff: ha.Millis(1 + h.rng.IntN(3000)), MaxLost: h.rng.IntN(3) - 1}
}

// taskKinds draws what a worker takes.
func (h *history) taskKinds(in *step.Hello) {
	in.Pools = []string{"default"}
	if h.rng.IntN(3) == 0 {
		in.Pools = append(in.Pools, "p1")
	}
	for i := range 3 {
		if h.rng.IntN(2) == 0 {
			in.Kinds = append(in.Kinds, "k"+strconv.Itoa(i))
		}
	}
	in.Direct = h.rng.IntN(2) == 0
}
