package subjects

import (
	"encoding/json"
	"strconv"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// The encoders of the messages that a dispatcher sends by the hundred thousand.
// They write what encoding/json would; a test holds the two against each other.
// Ids, names and outcomes are tokens, which need no escaping.

// AppendActivate appends the JSON of a to dst.
func AppendActivate(dst []byte, a Activate) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, a.ID...)
	dst = append(dst, `","order":"`...)
	dst = append(dst, a.Order...)
	dst = append(dst, `","epoch":`...)
	dst = strconv.AppendUint(dst, uint64(a.Epoch), 10)
	for i := range a.Work {
		if i == 0 {
			dst = append(dst, `,"work":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = AppendWork(dst, &a.Work[i])
	}
	if len(a.Work) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendWork appends the JSON of one entry of an [Activate] to dst.
func AppendWork(dst []byte, w *Work) []byte {
	dst = append(dst, `{"activation":"`...)
	dst = append(dst, w.Activation...)
	dst = append(dst, '"')
	if w.Task != nil {
		dst = append(dst, `,"task":`...)
		dst = appendTask(dst, w.Task)
	}
	return append(dst, '}')
}

// appendTask appends the JSON of t to dst. Payload, metadata and results are
// valid JSON already and are passed on as they came.
func appendTask(dst []byte, t *WorkTask) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, t.ID...)
	dst = append(dst, `","kind":"`...)
	dst = append(dst, t.Kind...)
	dst = append(dst, '"')
	dst = appendRaw(dst, `,"payload":`, t.Payload)
	dst = append(dst, `,"attempt":`...)
	dst = strconv.AppendInt(dst, int64(t.Attempt), 10)
	dst = append(dst, `,"timeout_ms":`...)
	dst = strconv.AppendInt(dst, int64(t.TimeoutMS), 10)
	dst = appendToken(dst, `,"pool":"`, t.Pool)
	dst = appendInt(dst, `,"step":`, t.Step)
	dst = appendInt(dst, `,"steps":`, t.Steps)
	if len(t.Labels) > 0 {
		labels, _ := json.Marshal(t.Labels) // a map of strings always marshals
		dst = append(append(dst, `,"labels":`...), labels...)
	}
	dst = appendRaw(dst, `,"metadata":`, t.Metadata)
	for i, u := range t.Upstream {
		if i == 0 {
			dst = append(dst, `,"upstream":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":"`...)
		dst = append(dst, u.ID...)
		dst = append(dst, `","state":"`...)
		dst = append(dst, u.State...)
		dst = append(dst, '"')
		dst = appendRaw(dst, `,"result":`, u.Result)
		if u.Omitted {
			dst = append(dst, `,"omitted":true`...)
		}
		dst = append(dst, '}')
	}
	if len(t.Upstream) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendAvailable appends the JSON of a to dst.
func AppendAvailable(dst []byte, a Available) []byte {
	dst = append(dst, '{')
	if a.Message != "" {
		dst = appendText(dst, `"message":`, a.Message)
		if len(a.Finished) > 0 {
			dst = append(dst, ',')
		}
	}
	for i := range a.Finished {
		f := &a.Finished[i]
		if i == 0 {
			dst = append(dst, `"finished":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"activation":"`...)
		dst = append(dst, f.Activation...)
		dst = append(dst, `","outcome":"`...)
		dst = append(dst, f.Outcome...)
		dst = append(dst, '"')
		dst = appendText(dst, `,"error":`, f.Error)
		if f.Permanent {
			dst = append(dst, `,"permanent":true`...)
		}
		dst = appendRaw(dst, `,"result":`, f.Result)
		dst = append(dst, '}')
	}
	if len(a.Finished) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendSubmitted appends the JSON of s to dst.
func AppendSubmitted(dst []byte, s Submitted) []byte {
	dst = append(dst, '{')
	if s.ID != "" {
		dst = append(dst, `"id":"`...)
		dst = append(dst, s.ID...)
		dst = append(dst, '"')
	}
	if s.Duplicate {
		dst = append(comma(dst), `"duplicate":true`...)
	}
	if s.Error != nil {
		dst = append(comma(dst), `"error":{`...)
		if s.Error.Status != 0 {
			dst = append(strconv.AppendInt(append(dst, `"status":`...), int64(s.Error.Status), 10), ',')
		}
		dst = appendQuoted(append(dst, `"code":`...), s.Error.Code)
		dst = appendQuoted(append(dst, `,"message":`...), s.Error.Message)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// comma appends what separates a field from the one before, where there is one.
func comma(dst []byte) []byte {
	if dst[len(dst)-1] == '{' {
		return dst
	}
	return append(dst, ',')
}

func appendRaw(dst []byte, field string, raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return dst
	}
	return append(append(dst, field...), raw...)
}

func appendInt(dst []byte, field string, n int) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, field...), int64(n), 10)
}

// AppendHeartbeatReply appends the JSON of an accepted heartbeat to dst.
func AppendHeartbeatReply(dst []byte, epoch ha.Epoch) []byte {
	dst = append(dst, `{"ok":true,"epoch":`...)
	dst = strconv.AppendUint(dst, uint64(epoch), 10)
	return append(dst, '}')
}

// AppendOK appends the JSON of ok to dst.
func AppendOK(dst []byte, ignored []ha.ActivationID) []byte {
	dst = append(dst, `{"ok":true`...)
	for i, id := range ignored {
		if i == 0 {
			dst = append(dst, `,"ignored":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, id...)
		dst = append(dst, '"')
	}
	if len(ignored) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendEvent appends the JSON of e to dst.
func AppendEvent(dst []byte, e Event) []byte {
	dst = append(dst, `{"at":"`...)
	dst = e.At.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","epoch":`...)
	dst = strconv.AppendUint(dst, uint64(e.Epoch), 10)
	dst = appendToken(dst, `,"worker":"`, string(e.Worker))
	dst = appendToken(dst, `,"name":"`, e.Name)
	if e.Weight != 0 {
		dst = append(dst, `,"weight":`...)
		dst = strconv.AppendInt(dst, int64(e.Weight), 10)
	}
	dst = appendToken(dst, `,"activation":"`, string(e.Activation))
	dst = appendToken(dst, `,"outcome":"`, string(e.Outcome))
	dst = appendText(dst, `,"error":`, e.Error)
	dst = appendText(dst, `,"reason":`, e.Reason)
	dst = appendToken(dst, `,"dispatcher":"`, e.Dispatcher)
	dst = appendToken(dst, `,"task":"`, string(e.Task))
	dst = appendToken(dst, `,"kind":"`, e.Kind)
	dst = appendToken(dst, `,"pool":"`, e.Pool)
	dst = appendInt(dst, `,"attempt":`, e.Attempt)
	dst = appendInt(dst, `,"step":`, e.Step)
	if e.Percent != 0 {
		percent, _ := json.Marshal(e.Percent) // it was a JSON number when it came
		dst = append(append(dst, `,"percent":`...), percent...)
	}
	dst = appendText(dst, `,"text":`, e.Text)
	return append(dst, '}')
}

func appendToken(dst []byte, field, token string) []byte {
	if token == "" {
		return dst
	}
	dst = append(dst, field...)
	dst = append(dst, token...)
	return append(dst, '"')
}

func appendText(dst []byte, field, text string) []byte {
	if text == "" {
		return dst
	}
	return appendQuoted(append(dst, field...), text)
}

func appendQuoted(dst []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string always marshals
	return append(dst, quoted...)
}

// HeaderText makes s fit to be the value of a header: one line.
func HeaderText(s string) string { return text.OneLine(s) }
