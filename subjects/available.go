package subjects

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// The rows of these requests in the table.
var availableRequests = []Request{
	{Name: "available", Topic: TopicAvailable, PerWorker: true, Forms: forms(form[Available, OK]()), From: forWorkers},
	{Name: "bye", Topic: TopicBye, PerWorker: true, Forms: forms(form[Empty, OK]()), From: forWorkers},
}

// MaxError is the length in bytes to which the error text of an outcome is cut.
const MaxError = 4096

// Available says that a worker is free again.
type Available struct {
	Message string `json:"message,omitempty"`
	// Leaving: the worker takes no more work, and will say bye. What it hands back is not held against the
	// tasks.
	Leaving bool `json:"leaving,omitempty"`
	// Finished lists what ended. None: all that the worker ran is done.
	Finished []Finished `json:"finished,omitempty"`
}

// Finished is one ended activation.
type Finished struct {
	Activation ha.ActivationID `json:"activation"`
	Outcome    ha.Outcome      `json:"outcome"`
	Error      string          `json:"error,omitempty"`
	// Permanent: trying the task again would not help.
	Permanent bool            `json:"permanent,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
}

// OK is the reply to a request that is done. The effect of the request is durable.
type OK struct {
	OK bool `json:"ok"`
	// Ignored lists the activations of an [Available] that were not the worker's
	// to finish, where others of the same message were. It need not repeat them.
	Ignored []ha.ActivationID `json:"ignored,omitempty"`
}

// DecodeAvailable decodes an available; an empty body, or one without
// "finished", says that all the worker ran is done. The error is an [*ha.Error].
func DecodeAvailable(body []byte) (Available, error) {
	if a, ok := readAvailable(body); ok {
		return a, nil
	}
	return decodeAvailable(body)
}

func decodeAvailable(body []byte) (Available, error) {
	var a Available
	if blank(body) {
		return a, nil
	}
	if err := decode(body, &a); err != nil {
		return Available{}, err
	}
	if len(a.Finished) > MaxListed {
		return Available{}, ha.TooLarge("too_many_finished", "finished may list at most %d activations, got %d", MaxListed, len(a.Finished))
	}
	for i := range a.Finished {
		f := &a.Finished[i]
		if !ha.ValidToken(string(f.Activation)) {
			return Available{}, badToken(fmt.Sprintf("finished[%d].activation", i), string(f.Activation))
		}
		if !f.Outcome.Reportable() {
			return Available{}, ha.Invalid("invalid_outcome", "finished[%d].outcome must be done, failed, cancelled, timed_out or rejected, got %s",
				i, Quote(string(f.Outcome)))
		}
		f.Error = text.Cut(f.Error, MaxError)
		if err := checkRaw("result", f.Result); err != nil {
			return Available{}, err
		}
		if len(f.Result) > ha.MaxPayload {
			return Available{}, ha.TooLarge("result_too_large", "finished[%d].result may be at most %d bytes, got %d", i, ha.MaxPayload, len(f.Result))
		}
	}
	return a, nil
}

// readAvailable reads {"message":"i_am_available","finished":[…]}, with or without
// the message.
func readAvailable(body []byte) (a Available, ok bool) {
	in := newReader(body)
	const message = "i_am_available"
	if in.Skip(`{"message":"` + message + `",`) {
		a.Message = message
	} else if !in.Skip(`{`) {
		return Available{}, false
	}
	a.Leaving = in.Skip(`"leaving":true,`)
	if !in.Skip(`"finished":[`) {
		return Available{}, false
	}
	a.Finished = make([]Finished, 0, min(rawjson.CountObjects(body), MaxListed))
	for more := true; more; more = in.Skip(`,`) {
		f, ok := in.finished()
		if !ok || len(a.Finished) == MaxListed {
			return Available{}, false
		}
		a.Finished = append(a.Finished, f)
	}
	return a, string(in.Rest) == `]}` && len(body) <= MaxBody && utf8.Valid(body)
}

// finished reads one entry of an available.
func (in *reader) finished() (f Finished, ok bool) {
	if !in.Skip(`{"activation":"`) {
		return f, false
	}
	f.Activation = ha.ActivationID(in.Token())
	if f.Activation == "" || !in.Skip(`,"outcome":"`) {
		return f, false
	}
	f.Outcome = ha.Outcome(in.TokenLike(&in.outcome))
	if !f.Outcome.Reportable() {
		return f, false
	}
	if in.Skip(`,"error":`) {
		if f.Error, ok = in.Text(); !ok || len(f.Error) > MaxError {
			return f, false
		}
	}
	f.Permanent = in.Skip(`,"permanent":true`)
	if in.Skip(`,"result":`) {
		if f.Result, ok = in.Value(); !ok || len(f.Result) > ha.MaxPayload || rawjson.LoneSurrogate(f.Result) >= 0 {
			return f, false
		}
	}
	return f, in.Skip(`}`)
}

// CheckResult returns why a worker may not report result, or nil: it must be
// valid JSON of at most [ha.MaxPayload] bytes. The error is an [*ha.Error].
func CheckResult(result json.RawMessage) error {
	if len(result) > ha.MaxPayload {
		return ha.TooLarge("result_too_large", "a result may be at most %d bytes, got %d", ha.MaxPayload, len(result))
	}
	if len(result) > 0 && !ValidJSON(result) {
		return ha.Invalid("invalid_result", "a result must be JSON, got %s", Quote(strings.ToValidUTF8(string(result), "?")))
	}
	return checkRaw("result", result)
}

// AppendAvailable appends the JSON of a to dst.
func AppendAvailable(dst []byte, a Available) []byte {
	dst = append(dst, '{')
	if a.Message != "" {
		dst = rawjson.AppendText(dst, `"message":`, a.Message)
		if a.Leaving || len(a.Finished) > 0 {
			dst = append(dst, ',')
		}
	}
	if a.Leaving {
		dst = append(dst, `"leaving":true`...)
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
		dst = rawjson.AppendText(dst, `,"error":`, f.Error)
		if f.Permanent {
			dst = append(dst, `,"permanent":true`...)
		}
		dst = rawjson.AppendRaw(dst, `,"result":`, f.Result)
		dst = append(dst, '}')
	}
	if len(a.Finished) > 0 {
		dst = append(dst, ']')
	}
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
