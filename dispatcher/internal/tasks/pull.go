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
	walk := ts.catalog.walkResults(in.Kind, in.Pool)
	for t := walk.peek(); t != nil && len(r.Tasks) < in.Limit; t = walk.peek() {
		if remaining -= len(t.result) + resultBytes; remaining < 0 && len(r.Tasks) > 0 {
			break
		}
		r.Tasks = append(r.Tasks, t.number)
		walk.skip()
	}
	results := ts.results(r.Tasks)
	if len(r.Tasks) > 0 {
		ts.record(out, r)
	}
	return step.Reply{Body: results}
}

// resultBytes is the most that a result takes in a reply beside itself.
const resultBytes = 300

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
