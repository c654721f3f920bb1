package subjects

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
)

// CheckTask validates a task as it is submitted, and takes null for what is
// absent. It fills in no defaults, and does not look into payload and metadata, which
// must be JSON. The error is an [*ha.Error] for the first thing that is wrong.
func CheckTask(s *ha.TaskSpec) error {
	if string(s.Payload) == "null" {
		s.Payload = nil
	}
	if string(s.Metadata) == "null" {
		s.Metadata = nil
	}
	if len(s.Payload) > ha.MaxPayload {
		return ha.TooLarge("payload_too_large", "payload may be at most %d bytes, got %d", ha.MaxPayload, len(s.Payload))
	}
	if err := checkRaw("payload", s.Payload); err != nil {
		return err
	}
	if len(s.Steps) == 0 && !ha.ValidToken(s.Kind) {
		return badToken("kind", s.Kind)
	}
	if err := checkTokens(
		named{"id", string(s.ID)}, named{"kind", s.Kind}, named{"pool", s.Pool}, named{"unique_key", s.UniqueKey},
		named{"concurrency_key", s.ConcurrencyKey}, named{"batch", s.Batch}, named{"after_batch", s.AfterBatch},
	); err != nil {
		return err
	}
	if s.Priority < ha.MinPriority || s.Priority > ha.MaxPriority {
		return ha.Invalid("invalid_priority", "priority must be a whole number from %d to %d, got %d", ha.MinPriority, ha.MaxPriority, s.Priority)
	}
	if err := checkMillis("timeout", "timeout_ms", s.Timeout); err != nil {
		return err
	}
	return checkMore(s)
}

// checkMore validates what few tasks have.
func checkMore(s *ha.TaskSpec) error {
	if len(s.Metadata) > ha.MaxMetadata {
		return ha.TooLarge("metadata_too_large", "metadata may be at most %d bytes, got %d", ha.MaxMetadata, len(s.Metadata))
	}
	if err := checkRaw("metadata", s.Metadata); err != nil {
		return err
	}
	if err := checkTimes(s); err != nil {
		return err
	}
	if err := checkRetry("retry", s.Retry); err != nil {
		return err
	}
	switch s.OnUpstreamFailure {
	case "", ha.UpstreamFail, ha.UpstreamRun:
	default:
		return ha.Invalid("invalid_on_upstream_failure", "on_upstream_failure must be %q or %q, got %s",
			ha.UpstreamFail, ha.UpstreamRun, Quote(string(s.OnUpstreamFailure)))
	}
	if err := checkAfter(s); err != nil {
		return err
	}
	if err := checkSteps(s.Steps); err != nil {
		return err
	}
	return checkLabels(s.Labels)
}

func checkTimes(s *ha.TaskSpec) error {
	if err := checkTime("run_at", s.RunAt); err != nil {
		return err
	}
	if err := checkTime("expires_at", s.ExpiresAt); err != nil {
		return err
	}
	switch most := ha.Milliseconds(ha.MaxDelay); {
	case s.Delay < 0 || s.Delay > most:
		return ha.Invalid("invalid_delay", "delay_ms must be from 1 to %d, got %d", most, s.Delay)
	case s.Delay > 0 && !s.RunAt.IsZero():
		return ha.Invalid("invalid_delay", "delay_ms and run_at cannot be given together: both say when the task is to run")
	case !s.ExpiresAt.IsZero() && !s.RunAt.IsZero() && !s.RunAt.Before(s.ExpiresAt):
		return ha.Invalid("invalid_expires_at", "expires_at must be after run_at, or the task would never run: it is %s, and run_at is %s",
			s.ExpiresAt.UTC().Format(time.RFC3339Nano), s.RunAt.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

func checkAfter(s *ha.TaskSpec) error {
	if len(s.After) > ha.MaxAfter {
		return ha.TooLarge("too_many_after", "after may list at most %d tasks, got %d", ha.MaxAfter, len(s.After))
	}
	for i, id := range s.After {
		if err := checkID(fmt.Sprintf("after[%d]", i), id); err != nil {
			return err
		}
		if id == s.ID {
			return ha.Invalid("invalid_after", "task %s cannot come after itself", id)
		}
	}
	if s.Batch != "" && s.Batch == s.AfterBatch {
		return ha.Invalid("invalid_after_batch", "a task of the batch %s cannot come after it", s.Batch)
	}
	return nil
}

func checkSteps(steps []ha.Step) error {
	if len(steps) > ha.MaxSteps {
		return ha.TooLarge("too_many_steps", "a task may have at most %d steps, got %d", ha.MaxSteps, len(steps))
	}
	for i, step := range steps {
		field := fmt.Sprintf("steps[%d]", i)
		if !ha.ValidToken(step.Kind) {
			return badToken(field+".kind", step.Kind)
		}
		if err := checkMillis("timeout", field+".timeout_ms", step.Timeout); err != nil {
			return err
		}
		if err := checkRetry(field+".retry", step.Retry); err != nil {
			return err
		}
	}
	return nil
}

func checkRetry(field string, r *ha.Retry) error {
	if r == nil {
		return nil
	}
	bad := func(what, format string, args ...any) error {
		return ha.Invalid("invalid_retry", "%s.%s must be "+format, append([]any{field, what}, args...)...)
	}
	switch most := ha.Milliseconds(ha.MaxTimeout); {
	case r.MaxAttempts < 0 || r.MaxAttempts > ha.MaxAttempts:
		return bad("max_attempts", "from 1 to %d, got %d", ha.MaxAttempts, r.MaxAttempts)
	case r.Backoff < 0 || r.Backoff > most:
		return bad("backoff_ms", "from 1 to %d, got %d", most, r.Backoff)
	case r.MaxBackoff < 0 || r.MaxBackoff > most:
		return bad("max_backoff_ms", "from 1 to %d, got %d", most, r.MaxBackoff)
	case r.Factor != 0 && (r.Factor < 1 || r.Factor > 100) || math.IsNaN(r.Factor):
		return bad("factor", "from 1 to 100, got %g", r.Factor)
	case r.Jitter > 1 || math.IsNaN(r.Jitter) || math.IsInf(r.Jitter, -1):
		return bad("jitter", "from 0 to 1, or negative for none, got %g", r.Jitter)
	case r.MaxLost < -1 || r.MaxLost > 1000:
		return bad("max_lost", "from 0 to 1000, or -1 for none, got %d", r.MaxLost)
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	if len(labels) > ha.MaxLabels {
		return ha.TooLarge("too_many_labels", "a task may have at most %d labels, got %d", ha.MaxLabels, len(labels))
	}
	for name, value := range labels {
		if !utf8.ValidString(value) {
			return ha.Invalid("invalid_labels", "the values of labels must be UTF-8, that of %s is not", Quote(name))
		}
	}
	bad, found := "", false // the first by name, so that the same task is always refused for the same
	for name, value := range labels {
		if (!ha.ValidToken(name) || len(value) > ha.MaxLabelValue) && (!found || name < bad) {
			bad, found = name, true
		}
	}
	switch {
	case !found:
		return nil
	case !ha.ValidToken(bad):
		return ha.Invalid("invalid_labels", "names of labels must be 1 to %d of the characters a-z, A-Z, 0-9, '_' and '-', got %s",
			ha.MaxToken, Quote(bad))
	}
	return ha.TooLarge("label_too_large", "the value of a label may be at most %d bytes, that of %s has %d",
		ha.MaxLabelValue, bad, len(labels[bad]))
}
