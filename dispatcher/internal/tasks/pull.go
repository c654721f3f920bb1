package tasks

import (
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

func (ts *Tasks) pull(in step.PullTasks, out *step.Ready) step.Reply {
	if in.Receipt != "" {
		if numbers, again := ts.receipts.byName[in.Receipt]; again {
			return step.Reply{Body: ts.results(numbers)}
		}
	}
	r := &record.TasksPulled{Receipt: in.Receipt}
	remaining := in.Bytes
	heads := ts.heads(in)
	for len(r.Tasks) < in.Limit && len(heads) > 0 {
		best := 0
		for i, t := range heads {
			if t.turn < heads[best].turn {
				best = i
			}
		}
		t := heads[best]
		if remaining -= len(t.result) + resultBytes; remaining < 0 && len(r.Tasks) > 0 {
			break
		}
		r.Tasks = append(r.Tasks, t.number)
		if heads[best] = t.next; t.next == nil {
			heads = append(heads[:best], heads[best+1:]...)
		}
	}
	results := ts.results(r.Tasks)
	if len(r.Tasks) > 0 {
		ts.record(out, r)
	}
	return step.Reply{Body: results}
}

// resultBytes is the most that a result takes in a reply beside itself.
const resultBytes = 300

// heads returns the oldest result of each class that is asked for.
func (ts *Tasks) heads(in step.PullTasks) []*task {
	var heads []*task
	for _, k := range ts.catalog.classList {
		if k.results.first != nil && (in.Kind == "" || in.Kind == k.kind.name) && (in.Pool == "" || in.Pool == k.pool.name) {
			heads = append(heads, k.results.first)
		}
	}
	return heads
}

// results are those of the tasks of these numbers, as far as they are kept.
func (ts *Tasks) results(numbers []uint64) []step.Result {
	list := make([]step.Result, 0, len(numbers))
	for _, n := range numbers {
		if t := ts.table.get(n); t != nil && t.state == completed {
			list = append(list, step.Result{
				ID: t.id, Kind: t.class.kind.name, Pool: t.class.pool.name, Result: t.result, Ended: step.Moment(t.ended),
			})
		}
	}
	return list
}
