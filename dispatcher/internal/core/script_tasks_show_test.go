package core

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// sentence is a list of parts that are there, with commas.
type sentence struct{ parts []string }

func (p *sentence) add(there bool, format string, args ...any) {
	if there {
		p.parts = append(p.parts, fmt.Sprintf(format, args...))
	}
}

func (p *sentence) String() string { return strings.Join(p.parts, ", ") }

// clock shows a time as the time since the transcript began.
func clock(t time.Time) string {
	return strconv.FormatFloat(t.Sub(noon).Seconds(), 'f', -1, 64) + "s"
}

func ids[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, id := range list {
		words[i] = string(id)
	}
	return strings.Join(words, " ")
}

func (s *script) taskNames(numbers []uint64) string {
	names := make([]ha.TaskID, len(numbers))
	for i, n := range numbers {
		names[i] = s.taskIDs[n]
	}
	return ids(names)
}

func (s *script) taskRecord(r record.Record) string {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		s.taskIDs[r.Number] = r.Spec.ID
		return fmt.Sprintf("submitted %s, number %d, %s", r.Spec.ID, r.Number, s.showSpec(&r.Spec))
	case *record.TaskStarted:
		return fmt.Sprintf("started %s on %s, number %d", s.taskIDs[r.Task], s.names[r.Worker], r.Number)
	case *record.TaskEnded:
		return fmt.Sprintf("ended %s, number %d, %s after %s: %s", s.names[r.Worker], r.Number, r.Outcome, r.Worked, showFate(r.Fate))
	case *record.TaskMoved:
		return fmt.Sprintf("moved %s: %s", s.taskIDs[r.Task], showFate(r.Fate))
	case *record.TasksForgotten:
		return "forgotten " + s.taskNames(r.Tasks)
	case *record.TasksPulled:
		p := sentence{[]string{"pulled " + s.taskNames(r.Tasks)}}
		p.add(r.Receipt != "", "receipt %s", r.Receipt)
		return p.String()
	case *record.RuleSet:
		var p sentence
		p.add(r.Paused, "paused")
		p.add(r.Concurrency > 0, "at most %d at once", r.Concurrency)
		p.add(r.Interval > 0, "one every %s, burst %d", r.Interval, r.Burst)
		p.add(len(p.parts) == 0, "free")
		return fmt.Sprintf("rule for %s: %s", named(r.Kind, r.Pool, r.Key), p.String())
	case *record.BatchSet:
		p := sentence{[]string{"batch " + r.Name}}
		p.add(r.Close, "closed")
		p.add(r.Then != "", "then %s", r.Then)
		return p.String()
	}
	return fmt.Sprintf("%+v", r)
}

func named(kind, pool, key string) string {
	switch {
	case kind != "":
		return "kind " + kind
	case pool != "":
		return "pool " + pool
	}
	return "key " + key
}

func (s *script) showSpec(t *ha.TaskSpec) string {
	var p sentence
	p.add(t.Kind != "", "kind %s", t.Kind)
	p.add(t.Pool != "default", "pool %s", t.Pool)
	p.add(t.Priority != 0, "priority %d", t.Priority)
	p.add(len(t.After) > 0, "after %s", ids(t.After))
	p.add(t.AfterBatch != "", "after batch %s", t.AfterBatch)
	p.add(t.OnUpstreamFailure == ha.UpstreamRun, "whatever becomes of them")
	p.add(!t.RunAt.IsZero(), "run at %s", clock(t.RunAt))
	p.add(!t.ExpiresAt.IsZero(), "expires at %s", clock(t.ExpiresAt))
	p.add(t.Timeout.Duration() != s.cfg.TaskTimeout, "timeout %s", t.Timeout.Duration())
	p.add(t.Retry.MaxAttempts != 5, "attempts %d", t.Retry.MaxAttempts)
	p.add(t.Retry.Backoff != 1000, "backoff %s", t.Retry.Backoff.Duration())
	p.add(t.Retry.MaxLost != 3, "max lost %d", t.Retry.MaxLost)
	p.add(t.UniqueKey != "", "unique %s", t.UniqueKey)
	p.add(t.ConcurrencyKey != "", "key %s", t.ConcurrencyKey)
	p.add(t.Batch != "", "batch %s", t.Batch)
	for _, step := range t.Steps {
		p.add(true, "step %s", step.Kind)
	}
	p.add(t.Partial, "partial")
	return p.String()
}

func showFate(f record.Fate) string {
	state := string(f.Next.Name())
	if f.Reason != record.NoReason {
		state += " (" + f.Reason.Name() + ")"
	}
	p := sentence{[]string{state}}
	p.add(!f.Due.IsZero(), "due at %s", clock(f.Due))
	p.add(f.Charged, "charged")
	p.add(f.Lost, "worker lost")
	p.add(len(f.Result) > 0, "result %s", f.Result)
	p.add(f.Error != "", "error %q", f.Error)
	return p.String()
}

var taskEvents = map[step.EffectType]string{
	step.TellSubmitted: "submitted", step.TellStarted: "started", step.TellCompleted: "completed", step.TellFailed: "failed", step.TellCancelled: "cancelled",
	step.TellTimedOut: "timed_out", step.TellRetrying: "retrying", step.TellReturned: "returned", step.TellStepped: "stepped", step.TellProgressed: "progressed",
	step.TellPaused: "paused", step.TellResumed: "resumed",
}

// taskEffect shows an effect about a task, or the order to run one.
func (s *script) taskEffect(e step.Effect, t *step.TaskEffect) string {
	var p sentence
	if e.Type == step.SendActivate {
		p.add(true, "activate %s", s.names[e.Worker])
		p.add(true, "%s: %s", e.Activation, t.ID)
		p.add(true, "kind %s", t.Kind)
		p.add(t.Steps > 0, "step %d of %d", t.Step+1, t.Steps)
		p.add(t.Attempt > 1, "attempt %d", t.Attempt)
		p.add(t.Timeout.Duration() != s.cfg.TaskTimeout, "timeout %s", t.Timeout.Duration())
		p.add(len(t.Payload) > 0, "payload %s", t.Payload)
		for _, u := range t.Upstream {
			p.add(len(u.Result) > 0, "%s %s with %s", u.ID, u.State, u.Result)
			p.add(len(u.Result) == 0, "%s %s", u.ID, u.State)
		}
		return p.String()
	}
	if e.Type == step.TellPaused || e.Type == step.TellResumed {
		return fmt.Sprintf("task.%s %s", taskEvents[e.Type], named(t.Kind, t.Pool, ""))
	}
	p.add(true, "task.%s %s", taskEvents[e.Type], t.ID)
	p.add(e.Worker != "", "%s", s.names[e.Worker])
	p.add(t.Steps > 0, "step %d of %d", t.Step+1, t.Steps)
	p.add(e.Type == step.TellProgressed, "%g%% %s", t.Percent, t.Text)
	p.add(e.Reason != "", "%s", e.Reason)
	p.add(e.Error != "", "error %q", e.Error)
	return p.String()
}

// taskReply shows the answer to what is asked about tasks; empty: it is none.
func (s *script) taskReply(r step.Reply) string {
	switch body := r.Body.(type) {
	case ha.TaskRecord:
		return fmt.Sprintf("%s is %s", body.ID, body.State)
	case step.Retried:
		if body.More {
			return fmt.Sprintf("%d put back, there are more", body.Retried)
		}
		return fmt.Sprintf("%d put back", body.Retried)
	case []step.Result:
		var p sentence
		for _, one := range body {
			p.add(true, "%s %s", one.ID, one.Result)
		}
		p.add(len(body) == 0, "no results")
		return p.String()
	case ha.TaskBatch:
		p := sentence{[]string{fmt.Sprintf("batch %s: %d of %d ended", body.Name, body.Ended, body.Total)}}
		p.add(body.Failed+body.Cancelled+body.TimedOut > 0, "%d badly", body.Failed+body.Cancelled+body.TimedOut)
		p.add(body.Closed, "closed")
		p.add(body.Done, "done")
		p.add(body.Then != "", "then %s", body.Then)
		return p.String()
	}
	switch {
	case r.Duplicate:
		return fmt.Sprintf("ok, %s was submitted before", r.Task)
	case r.Task != "":
		return fmt.Sprintf("ok, %s", r.Task)
	}
	return ""
}
