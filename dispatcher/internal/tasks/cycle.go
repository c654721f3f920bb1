package tasks

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// maxTangle bounds the search for a cycle.
const maxTangle = 100_000

// refuseCycle says whether a task that is submitted as s would wait for itself. It
// goes from s to all that would wait for it: by its id, or by the batch that it
// joins. Where nobody waits yet, which is the rule, it looks no further.
func (ts *Tasks) refuseCycle(s *ha.TaskSpec) *ha.Error {
	if len(s.After) == 0 && s.AfterBatch == "" {
		return nil
	}
	w := walk{after: s.After, afterBatch: s.AfterBatch, seen: map[*task]bool{}, batches: map[*batch]bool{}}
	if e := ts.expected[s.ID]; e != nil {
		w.add(e.tasks)
	}
	w.batch(ts.batches.byName[s.Batch])
	for len(w.open) > 0 {
		t := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		if w.closes(t) {
			return ha.Conflict("cyclic", "task %s would wait for itself, by way of task %s", s.ID, t.id)
		}
		if len(w.seen) > maxTangle {
			return ha.TooLarge("too_tangled", "more than %d tasks would wait for this one", maxTangle)
		}
		w.add(t.more.dependents)
		w.batch(t.more.batch)
	}
	return nil
}

// walk is a search through those that wait.
type walk struct {
	after      []ha.TaskID
	afterBatch string
	seen       map[*task]bool
	batches    map[*batch]bool
	open       []*task
}

func (w *walk) add(list []*task) {
	for _, t := range list {
		if t.state == waiting && !w.seen[t] {
			w.seen[t] = true
			w.open = append(w.open, t)
		}
	}
}

func (w *walk) batch(b *batch) {
	if b != nil && !w.batches[b] {
		w.batches[b] = true
		w.add(b.dependents)
	}
}

// closes tells whether what the search began with comes after t.
func (w *walk) closes(t *task) bool {
	if slices.Contains(w.after, t.id) {
		return true
	}
	return w.afterBatch != "" && t.more.batch != nil && t.more.batch.name == w.afterBatch
}
