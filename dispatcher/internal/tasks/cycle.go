package tasks

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// maxCycleSearch bounds the search for a cycle.
const maxCycleSearch = 100_000

// refuseCycle returns a refusal if a task that is submitted as s would wait for itself. It
// goes from s to all that would wait for it: by its id, or by the batch that it
// joins. If no task waits yet, which is the rule, it looks no further.
func (ts *Tasks) refuseCycle(s *ha.TaskSpec) *ha.Error {
	if len(s.After) == 0 && s.AfterBatch == "" {
		return nil
	}
	w := cycleSearch{after: s.After, afterBatch: s.AfterBatch, seen: map[*task]bool{}, batches: map[*batch]bool{}}
	if e := ts.expected[s.ID]; e != nil {
		w.add(e.tasks)
	}
	w.batch(ts.batches.byName[s.Batch])
	for len(w.open) > 0 {
		t := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		if w.comesAfter(t) {
			return ha.Conflict("cyclic", "task %s would wait for itself, by way of task %s", s.ID, t.id)
		}
		if len(w.seen) > maxCycleSearch {
			return ha.TooLarge("too_tangled", "more than %d tasks would wait for this one", maxCycleSearch)
		}
		w.add(t.extras.dependents)
		w.batch(t.extras.batch)
	}
	return nil
}

// cycleSearch is a search through the tasks that wait.
type cycleSearch struct {
	after      []ha.TaskID
	afterBatch string
	seen       map[*task]bool
	batches    map[*batch]bool
	open       []*task
}

func (w *cycleSearch) add(list []*task) {
	for _, t := range list {
		if t.state == waiting && !w.seen[t] {
			w.seen[t] = true
			w.open = append(w.open, t)
		}
	}
}

func (w *cycleSearch) batch(b *batch) {
	if b != nil && !w.batches[b] {
		w.batches[b] = true
		w.add(b.dependents)
	}
}

// comesAfter reports whether the task that the search began with comes after t.
func (w *cycleSearch) comesAfter(t *task) bool {
	if slices.Contains(w.after, t.id) {
		return true
	}
	return w.afterBatch != "" && t.extras.batch != nil && t.extras.batch.name == w.afterBatch
}
