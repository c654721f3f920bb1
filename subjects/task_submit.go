package subjects

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// TaskSubmit is a request on tasks, for [Names.Task].
const TaskSubmit = "submit"

// The row of this request in the table.
var taskSubmitRequests = []Request{
	{
		Name: "task-submit", Topic: TopicTask, What: TaskSubmit, Ordered: true, From: forClients,
		Forms: forms(form[ha.TaskSpec, Submitted](), form[[]ha.TaskSpec, []Submitted]()),
	},
}

// MaxSubmit is the greatest number of tasks in one submission.
const MaxSubmit = 10_000

// Submission is one task of a submission, or what is wrong with it.
type Submission struct {
	Spec *ha.TaskSpec
	Err  *ha.Error
}

// Submitted is the reply to the submission of one task. In the reply to an array it is
// one entry, which is a refusal if Error is set.
type Submitted struct {
	// ID is the task's or, beside the refusal "not_unique", that of the task which
	// holds the unique key.
	ID ha.TaskID `json:"id,omitempty"`
	// Duplicate: the task had been submitted before, and nothing was changed.
	Duplicate bool         `json:"duplicate,omitempty"`
	Error     *ErrorDetail `json:"error,omitempty"`
}

// DecodeSubmit decodes and validates a submission: one task, or an array of at
// most [MaxSubmit], whose entries are judged one by one. many tells the two apart.
// The error, an [*ha.Error], refuses the whole. Payloads may share the body's memory.
func DecodeSubmit(body []byte) (list []Submission, many bool, err error) {
	if len(body) > MaxBody {
		return nil, false, tooLarge(body)
	}
	if !utf8.Valid(body) {
		return nil, false, ha.Invalid("invalid_utf8", "body must be UTF-8")
	}
	if b := rawjson.SkipBlanks(body); len(b) == 0 || b[0] != '[' {
		one := submission(body)
		if one.Err != nil {
			return nil, false, one.Err
		}
		return []Submission{one}, false, nil
	}
	if list, ok := readTasks(body); ok {
		return list, true, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, true, rawjson.Explain(err, &raw)
	}
	if len(raw) > MaxSubmit {
		return nil, true, ha.TooLarge("too_many_tasks", "one submission may hold at most %d tasks, got %d", MaxSubmit, len(raw))
	}
	list = make([]Submission, 0, len(raw))
	for _, r := range raw {
		list = append(list, submission(r))
	}
	return list, true, nil
}

// readTasks reads an array of tasks. One that is not written as readTask reads it
// is left to encoding/json, and so is the whole if it may not be JSON.
func readTasks(body []byte) (list []Submission, ok bool) {
	in := newReader(rawjson.SkipBlanks(body))
	if !in.Skip(`[`) {
		return nil, false
	}
	n := min(rawjson.CountObjects(body), MaxSubmit)
	specs := make([]ha.TaskSpec, 0, n)
	list = make([]Submission, 0, n)
	for more := true; more; more = in.Skip(`,`) {
		if len(list) == MaxSubmit {
			return nil, false
		}
		var one Submission
		specs = append(specs, ha.TaskSpec{})
		in.Rest = rawjson.SkipBlanks(in.Rest)
		before := in.Rest
		if spec := &specs[len(specs)-1]; !in.readTask(spec) {
			in.Rest = before
			raw, ok := in.Value()
			if !ok {
				return nil, false
			}
			if decoded, err := decodeTask(raw); err != nil {
				one = refusedTask(err)
			} else {
				*spec = *decoded
			}
		}
		list = append(list, one)
		in.Rest = rawjson.SkipBlanks(in.Rest)
	}
	if !in.Skip(`]`) || len(rawjson.SkipBlanks(in.Rest)) > 0 {
		return nil, false
	}
	for i := range list { // not before, for specs may have moved
		if list[i].Err == nil {
			list[i] = checked(&specs[i])
		}
	}
	return list, true
}

// submission decodes one task, of a body that is UTF-8.
func submission(b []byte) Submission {
	spec := new(ha.TaskSpec)
	in := newReader(rawjson.SkipBlanks(b))
	if !in.readTask(spec) || len(rawjson.SkipBlanks(in.Rest)) > 0 {
		var err error
		if spec, err = decodeTask(b); err != nil {
			return refusedTask(err)
		}
	}
	return checked(spec)
}

func checked(spec *ha.TaskSpec) Submission {
	if err := CheckTask(spec); err != nil {
		return refusedTask(err)
	}
	return Submission{Spec: spec}
}

func refusedTask(err error) Submission {
	refusal, _ := EncodeError(err)
	return Submission{Err: refusal}
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
		dst = append(rawjson.AppendComma(dst), `"duplicate":true`...)
	}
	if s.Error != nil {
		dst = append(rawjson.AppendComma(dst), `"error":{`...)
		if s.Error.Status != 0 {
			dst = append(strconv.AppendInt(append(dst, `"status":`...), int64(s.Error.Status), 10), ',')
		}
		dst = rawjson.AppendQuoted(append(dst, `"code":`...), s.Error.Code)
		dst = rawjson.AppendQuoted(append(dst, `,"message":`...), s.Error.Message)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// maxWordyRefusals is how many refusals of one submission say why in words if all of
// them would be more than a message holds.
const maxWordyRefusals = 100

// maxReply is the length of a reply that every NATS server carries, with its headers.
const maxReply = 1_000_000

// AppendSubmittedList appends the JSON of the reply to an array of tasks to dst. A NATS
// server carries 1 MiB unless told otherwise, and ten thousand refusals may be longer:
// then most are content with their code.
func AppendSubmittedList(dst []byte, list []Submitted) []byte {
	start := len(dst)
	for most := len(list); ; most = maxWordyRefusals {
		dst = append(dst[:start], '[')
		refused := 0
		for i, s := range list {
			if i > 0 {
				dst = append(dst, ',')
			}
			if s.Error != nil {
				if refused++; refused > most {
					s = Submitted{Error: &ErrorDetail{Status: s.Error.Status, Code: s.Error.Code}}
				}
			}
			dst = AppendSubmitted(dst, s)
		}
		dst = append(dst, ']')
		if len(dst)-start <= maxReply || most == maxWordyRefusals {
			return dst
		}
	}
}

// Accepted reports whether body is the reply that most submissions of one task get:
// the task of that id was taken, and there is no more to say.
func Accepted(body []byte, id ha.TaskID) bool {
	rest, ok := skipAccepted(body, id)
	return ok && len(rest) == 0
}

// AllAccepted is [Accepted] for the submission of n tasks, whose ids id returns.
func AllAccepted(body []byte, n int, id func(int) ha.TaskID) bool {
	rest, ok := bytes.CutPrefix(body, []byte(`[`))
	for i := 0; i < n && ok; i++ {
		if i > 0 {
			rest, ok = bytes.CutPrefix(rest, []byte(`,`))
		}
		if ok {
			rest, ok = skipAccepted(rest, id(i))
		}
	}
	return ok && string(rest) == `]`
}

// skipAccepted passes over the reply that most tasks get, {"id":"…"}.
func skipAccepted(body []byte, id ha.TaskID) (rest []byte, ok bool) {
	const before, after = `{"id":"`, `"}`
	n := len(before) + len(id) + len(after)
	if len(body) < n || string(body[:len(before)]) != before ||
		string(body[len(before):n-len(after)]) != string(id) || string(body[n-len(after):n]) != after {
		return nil, false
	}
	return body[n:], true
}
