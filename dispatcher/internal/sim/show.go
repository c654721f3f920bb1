package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// What the trace shows. No address may be in it, or a seed would not be a trace.

// shown is inputs.
func shown(list ...step.Input) string {
	var parts []string
	for _, in := range list {
		switch in := in.(type) {
		case step.Submit:
			parts = append(parts, "submit "+shownSpec(in.Spec))
		case step.ChangeBatch:
			parts = append(parts, fmt.Sprintf("batch %s, close: %v, then: %s", in.Name, in.Close, shownSpec(in.Then)))
		default:
			parts = append(parts, fmt.Sprintf("%T%+v", in, in))
		}
	}
	return strings.Join(parts, ", ")
}

func shownSpec(s *ha.TaskSpec) string {
	if s == nil {
		return "none"
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// shownBody is what answers a question about tasks.
func shownBody(body any) string {
	switch body := body.(type) {
	case nil:
		return ""
	case ha.TaskRecord:
		return fmt.Sprintf(" task %s is %s (%s), attempt %d, %s, %q", body.ID, body.State, body.Reason, body.Attempt, body.Activation, body.Result)
	case []step.Result:
		parts := []string{fmt.Sprintf(" %d results", len(body))}
		for _, r := range body {
			parts = append(parts, fmt.Sprintf("%s %q", r.ID, r.Result))
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprintf(" %+v", body)
}

// shownReplies is what answers several submissions in one.
func shownReplies(list []step.Reply) string {
	parts := make([]string, len(list))
	for i, r := range list {
		parts[i] = fmt.Sprintf(" [%s %v %v]", r.Task, r.Duplicate, r.Err)
	}
	return strings.Join(parts, "")
}

// shownRecord is a record.
func shownRecord(r record.Record) string {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		return fmt.Sprintf("submitted number %d at %s: %s", r.Number, r.At, shownSpec(&r.Spec))
	case *record.TaskStarted:
		return fmt.Sprintf("started task number %d at %s: activation number %d of %s", r.Task, r.At, r.Number, r.Worker)
	case *record.TaskEnded:
		return fmt.Sprintf("ended activation number %d of %s: %s, %s", r.Number, r.Worker, r.Outcome, shownFate(r.Fate))
	case *record.TaskMoved:
		return fmt.Sprintf("moved task number %d: %s", r.Task, shownFate(r.Fate))
	case *record.TaskRestored:
		return fmt.Sprintf("restored number %d, %s, attempt %d, failures %d, lost %d, step %d, turn %d, %s number %d, open %v, result %q: %s", r.Number,
			r.State.Name(), r.Attempt, r.Failures, r.Lost, r.Step, r.Turn, r.Worker, r.Activation.Number, r.Open, r.Result, shownSpec(&r.Spec))
	}
	return fmt.Sprintf("%T%+v", r, r)
}

func shownFate(f record.Fate) string {
	text := fmt.Sprintf("becomes %s at %s", f.Next.Name(), f.At)
	if f.Reason.Name() != "" {
		text += " for " + f.Reason.Name()
	}
	if !f.Due.IsZero() {
		text += fmt.Sprintf(", due %s", f.Due)
	}
	return text + fmt.Sprintf(", charged %v, lost %v, error %q, result %q", f.Charged, f.Lost, f.Error, f.Result)
}

func (e end) String() string { return fmt.Sprintf("%s at %s with %q", e.state, e.at, e.result) }

func (t *task) String() string {
	if t == nil {
		return "no such task"
	}
	return fmt.Sprintf("task %s, number %d, %s, step %d, attempt %d, failures %d, lost %d, activation %d, pulled %v, result %q, ends %v",
		t.id, t.number, t.state, t.step, t.attempt, t.failures, t.lost, t.activation, t.pulled, t.result, t.ends)
}

// firstDifference says where two states differ first.
func firstDifference(a, b []byte) string {
	for len(a) > 0 && len(b) > 0 {
		ra, restA, err1 := record.Decode(a)
		rb, restB, err2 := record.Decode(b)
		if err1 != nil || err2 != nil {
			return fmt.Sprintf("%v, %v", err1, err2)
		}
		if !bytes.Equal(a[:len(a)-len(restA)], b[:len(b)-len(restB)]) {
			return fmt.Sprintf("%s\nand %s", shownRecord(ra), shownRecord(rb))
		}
		a, b = restA, restB
	}
	return fmt.Sprintf("the one goes on for %d bytes, the other for %d", len(a), len(b))
}
