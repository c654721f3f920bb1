package core

import (
	"errors"
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/tasks"
)

// task shows the record of a task.
func (s *script) task(a *arguments) error {
	id := ha.TaskID(a.word())
	if err := a.finish(); err != nil {
		return err
	}
	r, err := s.core.TaskRecord(id)
	if refused, ok := errors.AsType[*ha.Error](err); ok {
		s.say("refused", "%d %s: %s", refused.Status, refused.Code, refused.Message)
		return nil
	}
	if err != nil {
		return err
	}
	state := string(r.State)
	if r.Reason != "" {
		state += " (" + r.Reason + ")"
	}
	p := sentence{[]string{string(r.ID) + " " + state}}
	p.add(true, "attempt %d", r.Attempt)
	p.add(r.Failures > 0, "failures %d of %d", r.Failures, r.MaxAttempts)
	p.add(r.Lost > 0, "lost %d", r.Lost)
	p.add(r.Worker != "", "on %s as %s", s.names[r.Worker], r.Activation)
	p.add(r.State == ha.TaskScheduled, "due at %s", clock(r.RunAt))
	for _, at := range []struct {
		what string
		time time.Time
	}{{"ready", r.ReadyAt}, {"started", r.StartedAt}, {"ended", r.EndedAt}} {
		p.add(!at.time.IsZero(), "%s %s", at.what, clock(at.time))
	}
	s.say("task", "%s", p.String())
	var more sentence
	more.add(len(r.Payload) > 0, "payload %s", r.Payload)
	more.add(len(r.Result) > 0, "result %s", r.Result)
	more.add(r.Error != "", "error %q", r.Error)
	more.add(r.Pulled, "pulled")
	if r.Progress != nil {
		more.add(true, "progress %g%% %s at %s", r.Progress.Percent, r.Progress.Text, clock(r.Progress.At))
	}
	if len(more.parts) > 0 {
		s.say("", "%s", more.String())
	}
	for _, step := range r.Steps {
		p := sentence{[]string{"step " + step.Kind + " " + string(step.State)}}
		p.add(step.Attempts > 0, "attempts %d", step.Attempts)
		p.add(step.Worker != "", "on %s", s.names[step.Worker])
		p.add(step.Duration > 0, "took %s", step.Duration.Duration())
		p.add(step.Error != "", "error %q", step.Error)
		s.say("", "%s", p.String())
	}
	return nil
}

// tasks shows which tasks there are in each state.
func (s *script) tasks(a *arguments) error {
	list, _ := s.core.Tasks(tasks.Filter{}, 0, 1000, 1000)
	var p sentence
	for _, state := range ha.TaskStates() {
		var names []string
		for _, r := range list {
			if r.State == state {
				names = append(names, string(r.ID))
			}
		}
		p.add(len(names) > 0, "%s: %s", state, strings.Join(names, " "))
	}
	p.add(len(list) == 0, "none")
	s.say("tasks", "%s", strings.Join(p.parts, "; "))
	return a.finish()
}

// stats shows what is known of the kinds and pools.
func (s *script) stats(a *arguments) error {
	summary := s.core.TaskSummary()
	slices.SortFunc(summary.Kinds, func(a, b tasks.KindView) int { return strings.Compare(a.Name, b.Name) })
	for _, k := range summary.Kinds {
		var p sentence
		p.add(true, "%s: %d pending, %d running", k.Name, k.Pending, k.Running)
		p.add(k.Completed > 0, "%d completed in %s", k.Completed, k.Duration)
		p.add(k.Failed > 0, "%d failed", k.Failed)
		p.add(k.TimedOut > 0, "%d timed out", k.TimedOut)
		p.add(k.Cancelled > 0, "%d cancelled", k.Cancelled)
		p.add(k.Retries > 0, "%d retries", k.Retries)
		p.add(k.Queued > 0, "queued for %s", k.Queued)
		p.add(k.Paused, "paused")
		p.add(k.Limit > 0, "at most %d at once", k.Limit)
		s.say("kind", "%s", p.String())
	}
	for _, pool := range summary.Pools {
		var p sentence
		p.add(true, "%s: %d pending, %d running", pool.Name, pool.Pending, pool.Running)
		p.add(pool.Paused, "paused")
		p.add(pool.Limit > 0, "at most %d at once", pool.Limit)
		s.say("pool", "%s", p.String())
	}
	for _, l := range summary.Keys {
		s.say("key", "%s: at most %d at once", l.Key, l.Concurrency)
	}
	return a.finish()
}
