package record

import (
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// Each field of a task counts for whether a repeated submission is the same.
func TestFingerprintSeesEverything(t *testing.T) {
	var printer Printer
	prints := map[uint64]string{}
	note := func(what string, s *ha.TaskSpec) {
		t.Helper()
		p := printer.Fingerprint(s)
		if other, ok := prints[p]; ok {
			t.Errorf("%s looks as %s", what, other)
		}
		prints[p] = what
	}
	full := fullSpec()
	note("as it is", &full)
	again := fullSpec()
	if same := printer.Fingerprint(&again); prints[same] != "as it is" {
		t.Error("the same task does not look the same")
	}
	for what, change := range map[string]func(*ha.TaskSpec){
		"id": func(s *ha.TaskSpec) { s.ID += "x" }, "kind": func(s *ha.TaskSpec) { s.Kind += "x" },
		"payload": func(s *ha.TaskSpec) { s.Payload = []byte(`{"n":2}`) }, "no payload": func(s *ha.TaskSpec) { s.Payload = nil },
		"pool": func(s *ha.TaskSpec) { s.Pool = "" }, "priority": func(s *ha.TaskSpec) { s.Priority = 1 },
		"after": func(s *ha.TaskSpec) { s.After = s.After[:1] }, "order of after": func(s *ha.TaskSpec) { s.After = []ha.TaskID{"b", "a"} },
		"one after": func(s *ha.TaskSpec) { s.After = []ha.TaskID{"ab"} }, "after batch": func(s *ha.TaskSpec) { s.AfterBatch = "" },
		"on upstream failure": func(s *ha.TaskSpec) { s.OnUpstreamFailure = ha.UpstreamFail },
		"run at":              func(s *ha.TaskSpec) { s.RunAt = s.RunAt.Add(1) }, "expires": func(s *ha.TaskSpec) { s.ExpiresAt = time.Time{} },
		"timeout": func(s *ha.TaskSpec) { s.Timeout++ }, "no retry": func(s *ha.TaskSpec) { s.Retry = nil },
		"attempts": func(s *ha.TaskSpec) { s.Retry.MaxAttempts++ }, "backoff": func(s *ha.TaskSpec) { s.Retry.Backoff++ },
		"max backoff": func(s *ha.TaskSpec) { s.Retry.MaxBackoff++ }, "factor": func(s *ha.TaskSpec) { s.Retry.Factor++ },
		"jitter": func(s *ha.TaskSpec) { s.Retry.Jitter++ }, "max lost": func(s *ha.TaskSpec) { s.Retry.MaxLost++ },
		"unique": func(s *ha.TaskSpec) { s.UniqueKey = "v" }, "key": func(s *ha.TaskSpec) { s.ConcurrencyKey = "" },
		"partial": func(s *ha.TaskSpec) { s.Partial = false }, "batch": func(s *ha.TaskSpec) { s.Batch = "" },
		"steps": func(s *ha.TaskSpec) { s.Steps = s.Steps[:1] }, "kind of a step": func(s *ha.TaskSpec) { s.Steps[1].Kind = "x" },
		"timeout of a step": func(s *ha.TaskSpec) { s.Steps[1].Timeout = 1 }, "partial step": func(s *ha.TaskSpec) { s.Steps[1].Partial = true },
		"retry of a step": func(s *ha.TaskSpec) { s.Steps[0].Retry = nil }, "labels": func(s *ha.TaskSpec) { s.Labels["a"] = "2" },
		"no labels": func(s *ha.TaskSpec) { s.Labels = nil }, "metadata": func(s *ha.TaskSpec) { s.Metadata = nil },
	} {
		s := fullSpec()
		change(&s)
		note(what, &s)
	}
}
