package subjects

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// readTask reads a task as it is submitted, its fields in any order.
func (in *reader) readTask(s *ha.TaskSpec) bool {
	if !in.Skip(`{`) {
		return false
	}
	for more := true; more; more = in.Skip(`,`) {
		var ok bool
		switch {
		case in.Skip(`"id":"`):
			s.ID = ha.TaskID(in.Token())
			ok = s.ID != ""
		case in.Skip(`"kind":"`):
			s.Kind = in.TokenLike(&in.kind)
			ok = s.Kind != ""
		case in.Skip(`"payload":`):
			s.Payload, ok = in.Value()
		case in.Skip(`"pool":"`):
			s.Pool = in.TokenLike(&in.pool)
			ok = s.Pool != ""
		case in.Skip(`"priority":`):
			var n int64
			n, ok = in.Number()
			s.Priority = int(n)
		case in.Skip(`"timeout_ms":`):
			var n int64
			n, ok = in.Number()
			s.Timeout = ha.Millis(n)
		case in.Skip(`"batch":"`):
			s.Batch = in.Token()
			ok = s.Batch != ""
		default:
			ok = in.readMore(s)
		}
		if !ok {
			return false
		}
	}
	return in.Skip(`}`)
}

// readMore reads one of the fields that few tasks have.
func (in *reader) readMore(s *ha.TaskSpec) (ok bool) {
	switch {
	case in.Skip(`"unique_key":`):
		return in.Into(&s.UniqueKey, nil)
	case in.Skip(`"concurrency_key":`):
		return in.Into(&s.ConcurrencyKey, nil)
	case in.Skip(`"labels":`):
		raw, ok := in.Value()
		return ok && rawjson.LoneSurrogate(raw) < 0 && json.Unmarshal(raw, &s.Labels) == nil
	case in.Skip(`"metadata":`):
		s.Metadata, ok = in.Value()
		return ok
	case in.Skip(`"retry":`):
		return in.Into(&s.Retry, retryShape)
	case in.Skip(`"after":`):
		return in.Into(&s.After, nil)
	case in.Skip(`"after_batch":`):
		return in.Into(&s.AfterBatch, nil)
	case in.Skip(`"steps":`):
		return in.Into(&s.Steps, stepsShape)
	case in.Skip(`"run_at":`):
		return in.time(&s.RunAt)
	case in.Skip(`"expires_at":`):
		return in.time(&s.ExpiresAt)
	case in.Skip(`"delay_ms":`):
		n, ok := in.Number()
		s.Delay = ha.Millis(n)
		return ok
	}
	return false
}

func (in *reader) time(t *time.Time) bool {
	var wire wireTime
	ok := in.Into(&wire, nil)
	*t = wire.Time
	return ok
}

// taskWire is a task as it is submitted: its times may be written in more ways than
// encoding/json reads.
type taskWire struct {
	ha.TaskSpec
	RunAt     wireTime `json:"run_at"`
	ExpiresAt wireTime `json:"expires_at"`
}

func (w *taskWire) spec() *ha.TaskSpec {
	w.TaskSpec.RunAt, w.TaskSpec.ExpiresAt = w.RunAt.Time, w.ExpiresAt.Time
	return &w.TaskSpec
}

// decodeTask decodes a task by encoding/json.
func decodeTask(body []byte) (*ha.TaskSpec, error) {
	var w taskWire
	err := decodeTaskInto(body, &w)
	return w.spec(), err
}

func decodeTaskInto(body []byte, w *taskWire) error {
	if err := decode(body, w); err != nil {
		return err
	}
	return checkEscapes(body, &struct {
		Labels escapes `json:"labels"`
	}{})
}

// escapes stands for labels, whose JSON it looks at: decoded, a lone surrogate is a
// character like any other.
type escapes struct{}

// UnmarshalJSON implements [json.Unmarshaler].
func (escapes) UnmarshalJSON(raw []byte) error { return checkSurrogates("labels", raw) }

// checkEscapes decodes body once more, into something with escapes in it, if there may be
// something to find.
func checkEscapes(body []byte, into any) error {
	if rawjson.LoneSurrogate(body) < 0 {
		return nil
	}
	if err := unmarshal(body, into); err != nil {
		return rawjson.Explain(err, into)
	}
	return nil
}

// PrepareTask makes s ready for [AppendTask]: it cuts the blanks around payload and
// metadata and validates all that [CheckTask] does, and that these two are JSON. One
// task that is wrong could make a whole request unreadable. The error is an
// [*ha.Error].
func PrepareTask(s *ha.TaskSpec) error {
	s.Payload, s.Metadata = trim(s.Payload), trim(s.Metadata)
	if err := CheckTask(s); err != nil {
		return err
	}
	if err := checkJSON("payload", s.Payload); err != nil {
		return err
	}
	return checkJSON("metadata", s.Metadata)
}

// trim cuts the blanks around a JSON value, which mean nothing and which the reader by
// hand does not take.
func trim(raw json.RawMessage) json.RawMessage { return bytes.Trim(raw, " \t\r\n") }

func checkJSON(field string, raw json.RawMessage) error {
	switch {
	case len(raw) == 0 || ValidJSON(raw): // which looks at the UTF-8, too
		return nil
	case !utf8.Valid(raw):
		return ha.Invalid("invalid_utf8", "%s must be UTF-8", field)
	}
	return ha.Invalid("invalid_json", "%s must be JSON, got %s", field, Quote(string(raw)))
}

// AppendTask appends the JSON of s, which [PrepareTask] found right, to dst. What most
// tasks have is written by hand, as encoding/json would; those are tokens, which
// need no escaping, and whole numbers. A payload is passed on as it is.
//
// The error is that of [json.Marshal], which finds nothing that a valid task has.
func AppendTask(dst []byte, s *ha.TaskSpec) ([]byte, error) {
	start := len(dst)
	dst = append(dst, '{')
	dst = rawjson.AppendToken(dst, `"id":"`, string(s.ID))
	dst = rawjson.AppendToken(dst, `,"kind":"`, s.Kind)
	dst = rawjson.AppendRaw(dst, `,"payload":`, s.Payload)
	dst = rawjson.AppendToken(dst, `,"pool":"`, s.Pool)
	dst = rawjson.AppendInt(dst, `,"priority":`, int64(s.Priority))
	dst = rawjson.AppendInt(dst, `,"timeout_ms":`, int64(s.Timeout))
	dst = rawjson.AppendToken(dst, `,"batch":"`, s.Batch)
	if !plain(s) {
		var err error
		if dst, err = appendRest(dst, s); err != nil {
			return dst, err
		}
	}
	if s.ID == "" && len(dst) > start+1 { // the first field has a comma before it
		dst = append(dst[:start+1], dst[start+2:]...)
	}
	return append(dst, '}'), nil
}

// plain reports whether AppendTask writes all that s has by hand.
func plain(s *ha.TaskSpec) bool {
	return len(s.After) == 0 && s.AfterBatch == "" && s.OnUpstreamFailure == "" && s.RunAt.IsZero() && s.Delay == 0 && s.ExpiresAt.IsZero() &&
		s.Retry == nil && s.UniqueKey == "" && s.ConcurrencyKey == "" && len(s.Steps) == 0 && !s.Partial && len(s.Labels) == 0 &&
		len(s.Metadata) == 0
}

// appendRest appends the fields of s that AppendTask does not write, a comma before
// each.
func appendRest(dst []byte, s *ha.TaskSpec) ([]byte, error) {
	rest := *s
	rest.ID, rest.Kind, rest.Payload, rest.Pool, rest.Priority, rest.Timeout, rest.Batch = "", "", nil, "", 0, 0, ""
	rest.Metadata = nil
	// Some zones have offsets that RFC 3339 cannot write.
	rest.RunAt, rest.ExpiresAt = rest.RunAt.UTC(), rest.ExpiresAt.UTC()
	text, err := json.Marshal(&rest)
	if err != nil {
		return dst, ha.Invalid("invalid_json", "the task cannot be written as JSON: %v", err)
	}
	if len(text) > len(`{}`) {
		dst = append(dst, ',')
		dst = append(dst, text[1:len(text)-1]...)
	}
	return rawjson.AppendRaw(dst, `,"metadata":`, s.Metadata), nil
}
