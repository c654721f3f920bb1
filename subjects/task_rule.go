package subjects

import (
	"math"

	ha "github.com/seed261fe303/ha"
)

// Requests on tasks, for [Names.Task].
const (
	TaskPause  = "pause"
	TaskResume = "resume"
	TaskLimit  = "limit"
)

// The rows of these requests in the table.
var taskRuleRequests = []Request{
	{Name: "task-pause", Topic: TopicTask, What: TaskPause, Ordered: true, Forms: forms(form[PauseRequest, OK]()), From: forAdmins},
	{Name: "task-resume", Topic: TopicTask, What: TaskResume, Ordered: true, Forms: forms(form[PauseRequest, OK]()), From: forAdmins},
	{Name: "task-limit", Topic: TopicTask, What: TaskLimit, Ordered: true, Forms: forms(form[ha.Limit, OK]()), From: forAdmins},
}

// PauseRequest pauses or resumes a kind or a pool; exactly one is set.
type PauseRequest struct {
	Kind string `json:"kind,omitempty"`
	Pool string `json:"pool,omitempty"`
}

// DecodePause decodes a request to pause or to resume. The error is an [*ha.Error].
func DecodePause(body []byte) (PauseRequest, error) {
	var r PauseRequest
	if err := decode(body, &r); err != nil {
		return r, err
	}
	if (r.Kind == "") == (r.Pool == "") {
		return r, ha.Invalid("invalid_kind", "either kind or pool must say what is meant")
	}
	return r, checkTokens(named{"kind", r.Kind}, named{"pool", r.Pool})
}

// DecodeLimit decodes and validates a limit, with its default filled in. The error is an
// [*ha.Error].
func DecodeLimit(body []byte) (ha.Limit, error) {
	var l ha.Limit
	if err := decode(body, &l); err != nil {
		return l, err
	}
	if err := CheckLimit(l); err != nil {
		return l, err
	}
	if l.Rate != 0 && l.Burst == 0 {
		l.Burst = 1
	}
	return l, nil
}

// CheckLimit validates a limit. The error is an [*ha.Error] for the first thing that is
// wrong.
func CheckLimit(l ha.Limit) error {
	given := 0
	for _, name := range []string{l.Kind, l.Pool, l.Key} {
		if name != "" {
			given++
		}
	}
	key := l.Key
	if key == "*" {
		key = ""
	}
	if err := checkTokens(named{"kind", l.Kind}, named{"pool", l.Pool}, named{"key", key}); err != nil {
		return err
	}
	switch {
	case given != 1:
		return ha.Invalid("invalid_limit", "one of kind, pool and key must say what is limited")
	case l.Concurrency < 0 || l.Concurrency > 1_000_000:
		return ha.Invalid("invalid_limit", "concurrency must be from 1 to 1000000, or 0 for no limit, got %d", l.Concurrency)
	case l.Rate != 0 && (l.Rate < 0.001 || l.Rate > 1_000_000) || math.IsNaN(l.Rate):
		return ha.Invalid("invalid_limit", "rate must be from 0.001 to 1000000 a second, or 0 for no limit, got %g", l.Rate)
	case l.Rate != 0 && l.Kind == "":
		return ha.Invalid("invalid_limit", "only a kind may have a rate")
	case l.Burst < 0 || l.Burst > 1_000_000:
		return ha.Invalid("invalid_limit", "burst must be from 1 to 1000000, got %d", l.Burst)
	case l.Burst != 0 && l.Rate == 0:
		return ha.Invalid("invalid_limit", "burst goes with a rate")
	}
	return nil
}
