package dispatcher

import (
	"encoding/json"
	"strconv"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/tasks"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// taskQueries are the decoders of the requests that ask for something about tasks and
// change nothing, each before its answer.
var taskQueries = map[string]decoder{
	"task-get":   decodeTaskGet,
	"task-wait":  decodeTaskWait,
	"task-list":  decodeTaskList,
	"task-stats": decodeTaskStats,
}

func decodeTaskGet(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	id, err := subjects.DecodeTaskRequest(body)
	return inboxItem{ask: func(l *loop, _ term.Caller) any { return l.term.TaskRecord(id) }}, err
}

func decodeTaskWait(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodeWait(body)
	return inboxItem{ask: func(l *loop, from term.Caller) any {
		return l.term.Await(r.ID, from, r.TimeoutMS.Duration())
	}}, err
}

func decodeTaskList(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, after, err := subjects.DecodeList(body)
	return inboxItem{ask: func(l *loop, _ term.Caller) any { return l.taskPage(r, after) }}, err
}

const (
	// maxLooked bounds how many tasks one reply with a list looks at, since the loop does
	// nothing else meanwhile.
	maxLooked = 20_000
	// taskRowBytes is about the most that a task of a list takes without what is counted.
	taskRowBytes = 1200
)

// taskPage answers a request for a list of tasks: a page that fits into a message.
func (l *loop) taskPage(r subjects.ListRequest, after uint64) subjects.TaskPage {
	f := tasks.Filter{State: r.State, Kind: r.Kind, Pool: r.Pool, Batch: r.Batch}
	page := subjects.TaskPage{Tasks: []ha.TaskRecord{}}
	room, look := maxPageBytes, maxLooked
	for len(page.Tasks) < r.Limit && look > 0 {
		// One at a time if they are large, so that the page ends when it is full.
		list, next := l.core.Tasks(f, after, 1, look)
		look -= int(max(1, next-after))
		if len(list) == 0 {
			after = next
			break
		}
		if room -= rowSize(&list[0]); room < 0 && len(page.Tasks) > 0 {
			break
		}
		page.Tasks = append(page.Tasks, list[0])
		if after = next; next == 0 {
			break
		}
	}
	if after != 0 {
		page.Next = strconv.FormatUint(after, 10)
	}
	return page
}

// rowSize is about how long the JSON of a listed task is, rather more than less.
func rowSize(r *ha.TaskRecord) int {
	n := taskRowBytes + 6*len(r.Error) + 70*len(r.After)
	for i := range r.Steps {
		n += 300 + 6*len(r.Steps[i].Error)
	}
	for name, value := range r.Labels {
		n += len(name) + 6*len(value) + 8
	}
	return n
}

func decodeTaskStats(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return inboxItem{ask: func(l *loop, _ term.Caller) any { return l.taskReport() }}, subjects.DecodeEmpty(body)
}

// taskReport answers a request for the statistics of tasks.
func (l *loop) taskReport() subjects.TaskReport {
	s := l.core.TaskSummary()
	r := subjects.TaskReport{Since: s.Since, Tasks: s.Counts, Bytes: s.Bytes, Kinds: []subjects.KindStats{}, Pools: []subjects.PoolStats{}}
	s.Kinds, s.Pools, r.Limits = first(s.Kinds, &r.Omitted), first(s.Pools, &r.Omitted), first(s.Keys, &r.Omitted)
	for _, k := range s.Kinds {
		row := subjects.KindStats{
			Kind: k.Name, Since: k.Since, Pending: k.Pending, Running: k.Running, Paused: k.Paused,
			Completed: k.Completed, Failed: k.Failed, TimedOut: k.TimedOut, Cancelled: k.Cancelled, Retries: k.Retries,
			DurationMS: millis(k.Duration), QueuedMS: millis(k.Queued),
		}
		if k.Limit > 0 || k.Interval > 0 {
			row.Limit = &ha.Limit{Kind: k.Name, Concurrency: k.Limit, Burst: k.Burst}
			if k.Interval > 0 {
				row.Limit.Rate = float64(time.Second) / float64(k.Interval)
			}
		}
		r.Kinds = append(r.Kinds, row)
	}
	for _, p := range s.Pools {
		row := subjects.PoolStats{Pool: p.Name, Pending: p.Pending, Running: p.Running, Paused: p.Paused}
		if p.Limit > 0 {
			row.Limit = &ha.Limit{Pool: p.Name, Concurrency: p.Limit}
		}
		r.Pools = append(r.Pools, row)
	}
	return r
}

// first cuts a list to what a reply holds of it, and counts what is left out.
func first[T any](list []T, omitted *int) []T {
	n := min(len(list), subjects.MaxStats)
	*omitted += len(list) - n
	return list[:n]
}

// millis is d in milliseconds, with their fraction.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// wireBody is what the core answers in the form of the wire.
func wireBody(body any) any {
	switch b := body.(type) {
	case step.Retried:
		return subjects.Retried{Retried: b.Retried, More: b.More}
	case []step.Result:
		p := subjects.Pulled{Results: make([]subjects.PulledResult, 0, len(b))}
		for _, r := range b {
			p.Results = append(p.Results, subjects.PulledResult{
				ID: r.ID, Kind: r.Kind, Pool: r.Pool, Result: json.RawMessage(r.Result), EndedAt: r.Ended,
			})
		}
		return p
	}
	return body
}
