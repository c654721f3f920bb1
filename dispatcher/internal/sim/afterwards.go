package sim

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// What becomes of tasks that have ended, and of all of them in a snapshot.

func (b *books) enterForgotten(r *record.TasksForgotten) error {
	for _, n := range r.Tasks {
		t, err := b.numbered(n)
		if err != nil {
			return err
		}
		if !t.state.Final() {
			return fmt.Errorf("task %s is %s", t.id, t.state)
		}
		t.forgotten = true
		if b.w.tasks.deleted[t.id] {
			b.w.nemesis.tally.Tasks.Deleted++
		}
		b.counts[t.state]--
		b.w.nemesis.tally.Tasks.Forgotten++
		if b.w.short {
			b.w.nemesis.tally.ShortForgotten++
		}
		if t.batch != nil {
			t.batch.kept--
			b.forgetBatch(t.batch)
		}
		if g := b.batches[t.spec.AfterBatch]; g != nil && g.then == t.id {
			b.forgetBatch(g)
		}
	}
	return nil
}

func (b *books) enterPulled(r *record.TasksPulled) error {
	if _, again := b.receipts[r.Receipt]; again && r.Receipt != "" {
		return errors.New("results were handed out for that receipt before")
	}
	last := 0
	for _, n := range r.Tasks {
		t, err := b.numbered(n)
		switch {
		case err != nil:
			return err
		case t.state != ha.TaskCompleted || t.pulled:
			return fmt.Errorf("task %s is %s, pulled: %v", t.id, t.state, t.pulled)
		case t.turn < last:
			return fmt.Errorf("task %s ended before the one before it", t.id)
		}
		t.pulled, last = true, t.turn
		b.w.nemesis.tally.Tasks.Pulled++
	}
	if r.Receipt != "" {
		b.receipts[r.Receipt] = r.Tasks
	}
	return nil
}

// enterRestored compares a piece of a snapshot with the books.
func (b *books) enterRestored(r *record.TaskRestored) error {
	t, err := b.numbered(r.Number)
	if err != nil {
		return err
	}
	if r.State.Name() != t.state || r.Attempt != t.attempt || r.Failures != t.failures || r.Lost != t.lost || r.Step != t.step ||
		r.Pulled != t.pulled || !bytes.Equal(r.Result, t.result) || !reflect.DeepEqual(normal(&r.Spec), normal(t.spec)) {
		return fmt.Errorf("the books have %s: %s", t, shownSpec(t.spec))
	}
	return nil
}

// normal is s with what can be said in two ways said in one.
func normal(s *ha.TaskSpec) *ha.TaskSpec {
	n := *s
	n.Steps, n.Partial = nil, false
	for _, p := range s.Steps {
		p.Partial = p.Partial || s.Partial
		n.Steps = append(n.Steps, p)
	}
	if len(n.Steps) > 0 {
		n.Kind = n.Steps[0].Kind
	}
	return &n
}

// tasksAddUp compares the counters with what they count.
func (b *books) tasksAddUp() error {
	counts := b.standby.TaskCounts()
	for _, state := range ha.TaskStates() {
		if counts[state] != b.counts[state] {
			return fmt.Errorf("%d tasks count as %s, there are %d", counts[state], state, b.counts[state])
		}
	}
	return nil
}
