package client

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// prepare makes s ready to be sent: it gives it an id where it has none and
// validates it. One task that is wrong would have the dispatcher refuse all that are
// sent with it, where it makes the request unreadable. The error is an [*ha.Error].
func prepare(s *ha.TaskSpec) error {
	if s.ID == "" {
		s.ID = ha.TaskID(newID())
	}
	s.Payload, s.Metadata = trim(s.Payload), trim(s.Metadata)
	if err := subjects.CheckTask(s); err != nil {
		return err
	}
	if err := checkJSON("payload", s.Payload); err != nil {
		return err
	}
	return checkJSON("metadata", s.Metadata)
}

// trim cuts the blanks around a JSON value, which mean nothing, and which whoever
// reads the request by hand would stumble over.
func trim(raw json.RawMessage) json.RawMessage { return bytes.Trim(raw, " \t\r\n") }

func checkJSON(field string, raw json.RawMessage) error {
	switch {
	case len(raw) == 0 || subjects.ValidJSON(raw): // which looks at the UTF-8, too
		return nil
	case !utf8.Valid(raw):
		return ha.Invalid("invalid_utf8", "%s must be UTF-8", field)
	}
	return ha.Invalid("invalid_json", "%s must be JSON, got %s", field, subjects.Quote(string(raw)))
}

// appendTask appends the JSON of s, which [prepare] found right, to dst. What most
// tasks have is written by hand, as encoding/json would; those are tokens, which
// need no escaping, and whole numbers. A payload is passed on as it is.
//
// The error is that of [json.Marshal], which finds nothing that a valid task has.
func appendTask(dst []byte, s *ha.TaskSpec) ([]byte, error) {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, s.ID...)
	dst = append(dst, '"')
	dst = appendToken(dst, `,"kind":"`, s.Kind)
	if len(s.Payload) > 0 {
		dst = append(dst, `,"payload":`...)
		dst = append(dst, s.Payload...)
	}
	dst = appendToken(dst, `,"pool":"`, s.Pool)
	dst = appendInt(dst, `,"priority":`, int64(s.Priority))
	dst = appendInt(dst, `,"timeout_ms":`, int64(s.Timeout))
	dst = appendToken(dst, `,"batch":"`, s.Batch)
	if !plain(s) {
		var err error
		if dst, err = appendRest(dst, s); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// plain tells whether appendTask writes all that s has by hand.
func plain(s *ha.TaskSpec) bool {
	return len(s.After) == 0 && s.AfterBatch == "" && s.OnUpstreamFailure == "" && s.RunAt.IsZero() && s.ExpiresAt.IsZero() &&
		s.Retry == nil && s.UniqueKey == "" && s.ConcurrencyKey == "" && len(s.Steps) == 0 && !s.Partial && len(s.Labels) == 0 &&
		len(s.Metadata) == 0
}

// appendRest appends the fields of s that appendTask does not write.
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
	if len(s.Metadata) > 0 {
		dst = append(dst, `,"metadata":`...)
		dst = append(dst, s.Metadata...)
	}
	return dst, nil
}

func appendToken(dst []byte, field, token string) []byte {
	if token == "" {
		return dst
	}
	dst = append(dst, field...)
	dst = append(dst, token...)
	return append(dst, '"')
}

func appendInt(dst []byte, field string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, field...), n, 10)
}
