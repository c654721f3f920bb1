package submit

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

// SpecFlags are the fields of a task as flags.
type SpecFlags struct {
	flags *pflag.FlagSet

	id, kind, pool, unique, key, batch, afterBatch string
	after, steps, labels                           []string
	upstream                                       string
	priority                                       int
	runAt, expiresAt                               cli.Moment
	expiresIn, timeout                             time.Duration
	partial                                        bool
	metadata                                       string
	retry                                          retryFlags
}

// retryFlags are the fields of its policy.
type retryFlags struct {
	attempts, lost      int
	backoff, maxBackoff time.Duration
	factor, jitter      float64
}

// Add adds the flags to flags, whose later changes it looks at.
func (f *SpecFlags) Add(flags *pflag.FlagSet) {
	f.flags = flags
	flags.StringVar(&f.kind, "kind", "", "kind of the task, which says what workers handle it")
	flags.StringSliceVar(&f.steps, "step", nil, "kind of a step, in place of --kind; repeat it, or use commas, for each step in turn")
	flags.StringVar(&f.id, "id", "", "id of the task, with which it can be submitted again and is one task (default: a new one)")
	flags.StringVar(&f.pool, "pool", "", "pool whose workers may run it (default \"default\")")
	flags.IntVar(&f.priority, "priority", 0, "from -1000 to 1000; higher runs first")
	flags.StringSliceVar(&f.after, "after", nil, "task that must end first, by its id; repeatable or comma-separated")
	flags.StringVar(&f.afterBatch, "after-batch", "", "batch that must be done first")
	flags.StringVar(&f.upstream, "on-upstream-failure", "", "what becomes of it when a task that it comes after ends badly: fail or run (default fail)")
	flags.Var(&f.runAt, "run-at", "time before which it does not run: 2030-01-31T15:04:05Z, or +90s from its submission on")
	flags.DurationVar(&f.expiresIn, "expires-in", 0, "time from now after which it is not started any more")
	flags.Var(&f.expiresAt, "expires-at", "the same, as a time such as 2030-01-31T15:04:05Z")
	flags.DurationVar(&f.timeout, "attempt-timeout", 0, "how long one attempt may take (default: the dispatcher's)")
	flags.BoolVar(&f.partial, "partial", false, "a step that fails for good does not end the task: it goes on with its data unchanged")
	flags.StringVar(&f.unique, "unique-key", "", "key that no other task may hold that has not ended")
	flags.StringVar(&f.key, "concurrency-key", "", "key of the tasks of which only so many run at once; see \"ha task limit\"")
	flags.StringVar(&f.batch, "batch", "", "batch that it belongs to")
	flags.StringArrayVar(&f.labels, "label", nil, "label, as name=value; repeatable")
	flags.StringVar(&f.metadata, "metadata", "", "JSON for the handler, beside the payload")
	f.retry.add(flags)
}

func (r *retryFlags) add(flags *pflag.FlagSet) {
	flags.IntVar(&r.attempts, "max-attempts", 0, "attempts that may fail, 1 to 1000 (default 5)")
	flags.DurationVar(&r.backoff, "backoff", 0, "pause after the first failed attempt (default 1s)")
	flags.DurationVar(&r.maxBackoff, "max-backoff", 0, "the longest pause (default 5m)")
	flags.Float64Var(&r.factor, "factor", 0, "by how much each pause is longer than the one before, 1 to 100 (default 2)")
	flags.Float64Var(&r.jitter, "jitter", 0, "part of a pause that is left to chance, 0 to 1 (default 0.1)")
	flags.IntVar(&r.lost, "max-lost", 0, "workers that may die over it before that counts as a failed attempt, 0 to 1000 (default 3)")
}

// HasKind reports whether the flags say which workers are to run the task.
func (f *SpecFlags) HasKind() bool { return f.kind != "" || len(f.steps) > 0 }

// HasIdentity reports whether the flags tell the task from all others, so that
// there can be one alone.
func (f *SpecFlags) HasIdentity() bool { return f.id != "" || f.unique != "" }

// Spec returns the task that the flags describe, without its payload, or a usage
// error. It need not be complete if each task says the rest itself.
func (f *SpecFlags) Spec(now time.Time) (ha.TaskSpec, error) {
	s := ha.TaskSpec{
		ID: ha.TaskID(f.id), Kind: f.kind, Pool: f.pool, Priority: f.priority, AfterBatch: f.afterBatch,
		OnUpstreamFailure: ha.OnUpstreamFailure(f.upstream), ExpiresAt: f.expiresAt.Time(now),
		Timeout: ha.Milliseconds(f.timeout), UniqueKey: f.unique, ConcurrencyKey: f.key, Partial: f.partial, Batch: f.batch,
	}
	if delay, relative := f.runAt.In(); relative {
		s.Delay = ha.Milliseconds(delay) // so that the same command with the same id is the same task
	} else {
		s.RunAt = f.runAt.Time(now)
	}
	for _, id := range f.after {
		s.After = append(s.After, ha.TaskID(id))
	}
	for _, kind := range f.steps {
		s.Steps = append(s.Steps, ha.Step{Kind: kind})
	}
	if f.metadata != "" {
		if !json.Valid([]byte(f.metadata)) {
			return s, cli.BadUsage("--metadata must be JSON, got %s", subjects.Quote(f.metadata))
		}
		s.Metadata = json.RawMessage(f.metadata)
	}
	if f.expiresIn > 0 {
		s.ExpiresAt = now.Add(f.expiresIn)
	}
	if err := errors.Join(f.combinations(), f.addLabels(&s), f.addRetry(&s)); err != nil {
		return s, err
	}
	probe := s
	if probe.Kind == "" {
		probe.Kind = "any" // whether there is one is not to be said here
	}
	return s, cli.Checked(subjects.CheckTask(&probe))
}

// combinations refuses flags that contradict each other, and times that are none.
func (f *SpecFlags) combinations() error {
	switch {
	case f.kind != "" && len(f.steps) > 0:
		return cli.BadUsage("--kind and --step cannot be given together: each --step is a kind")
	case f.flags.Changed("expires-in") && f.flags.Changed("expires-at"):
		return cli.BadUsage("--expires-in and --expires-at cannot be given together")
	case f.flags.Changed("expires-in") && f.expiresIn <= 0:
		return cli.BadUsage("--expires-in must be more than 0, got %s", f.expiresIn)
	case f.flags.Changed("attempt-timeout") && f.timeout <= 0:
		return cli.BadUsage("--attempt-timeout must be more than 0, got %s", f.timeout)
	}
	return nil
}

func (f *SpecFlags) addLabels(s *ha.TaskSpec) error {
	for _, label := range f.labels {
		name, value, ok := strings.Cut(label, "=")
		if !ok {
			return cli.BadUsage("--label must be name=value, got %s", subjects.Quote(label))
		}
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[name] = value
	}
	return nil
}

// addRetry makes a policy of those of its flags that were given. A zero that was
// asked for is not the zero of a policy, which is the default.
func (f *SpecFlags) addRetry(s *ha.TaskSpec) error {
	r, given := f.retry, false
	for _, c := range []struct {
		flag  string
		wrong bool
		want  string
	}{
		{"max-attempts", r.attempts < 1, "at least 1"},
		{"backoff", r.backoff <= 0, "more than 0"},
		{"max-backoff", r.maxBackoff <= 0, "more than 0"},
		{"factor", r.factor < 1, "at least 1"},
		{"jitter", r.jitter < 0, "at least 0"},
		{"max-lost", r.lost < 0, "at least 0"},
	} {
		if !f.flags.Changed(c.flag) {
			continue
		}
		if given = true; c.wrong {
			return cli.BadUsage("--%s must be %s, got %s", c.flag, c.want, f.flags.Lookup(c.flag).Value)
		}
	}
	if !given {
		return nil
	}
	s.Retry = &ha.Retry{
		MaxAttempts: r.attempts, Backoff: ha.Milliseconds(r.backoff), MaxBackoff: ha.Milliseconds(r.maxBackoff),
		Factor: r.factor, Jitter: r.jitter, MaxLost: r.lost,
	}
	if f.flags.Changed("jitter") && r.jitter == 0 {
		s.Retry.Jitter = -1
	}
	if f.flags.Changed("max-lost") && r.lost == 0 {
		s.Retry.MaxLost = -1
	}
	return nil
}

// cloned returns s with nothing in it that decoding into the copy would change.
func cloned(s ha.TaskSpec) ha.TaskSpec {
	s.After, s.Steps, s.Labels = slices.Clone(s.After), slices.Clone(s.Steps), maps.Clone(s.Labels)
	s.Payload, s.Metadata = slices.Clone(s.Payload), slices.Clone(s.Metadata)
	if s.Retry != nil {
		retry := *s.Retry
		s.Retry = &retry
	}
	return s
}
