package subjects

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// Submission is one task of a submission, or what is wrong with it.
type Submission struct {
	Spec *ha.TaskSpec
	Err  *ha.Error
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
	if b := skipBlanks(body); len(b) == 0 || b[0] != '[' {
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
		return nil, true, explain(err)
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
// is left to encoding/json, and so is the whole where it may not be JSON.
func readTasks(body []byte) (list []Submission, ok bool) {
	c := canonical{rest: skipBlanks(body)}
	if !c.skip(`[`) {
		return nil, false
	}
	n := min(entries(body), MaxSubmit)
	specs := make([]ha.TaskSpec, 0, n)
	list = make([]Submission, 0, n)
	for more := true; more; more = c.skip(`,`) {
		if len(list) == MaxSubmit {
			return nil, false
		}
		var one Submission
		specs = append(specs, ha.TaskSpec{})
		c.rest = skipBlanks(c.rest)
		before := c.rest
		if spec := &specs[len(specs)-1]; !c.readTask(spec) {
			c.rest = before
			raw, ok := c.value()
			if !ok {
				return nil, false
			}
			*spec = ha.TaskSpec{}
			if err := decode(raw, spec); err != nil {
				one = refusedTask(err)
			}
		}
		list = append(list, one)
		c.rest = skipBlanks(c.rest)
	}
	if !c.skip(`]`) || len(skipBlanks(c.rest)) > 0 {
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
	c := canonical{rest: skipBlanks(b)}
	if !c.readTask(spec) || len(skipBlanks(c.rest)) > 0 {
		*spec = ha.TaskSpec{}
		if err := decode(b, spec); err != nil {
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

func tooLarge(body []byte) error {
	return ha.TooLarge("body_too_large", "body may be at most %d bytes, got %d", MaxBody, len(body))
}

// DecodeTaskRequest decodes a request that names a task. The error is an [*ha.Error].
func DecodeTaskRequest(body []byte) (ha.TaskID, error) {
	var r TaskRequest
	if err := decode(body, &r); err != nil {
		return "", err
	}
	return r.ID, checkID("id", r.ID)
}

// DecodeWait decodes a request to wait, with its default filled in. The error is an
// [*ha.Error].
func DecodeWait(body []byte) (WaitRequest, error) {
	var r WaitRequest
	if err := decode(body, &r); err != nil {
		return r, err
	}
	if most := ha.Milliseconds(MaxWait); r.TimeoutMS < 0 || r.TimeoutMS > most {
		return r, ha.Invalid("invalid_timeout", "timeout_ms must be from 1 to %d, got %d", most, r.TimeoutMS)
	}
	if r.TimeoutMS == 0 {
		r.TimeoutMS = ha.Milliseconds(MaxWait)
	}
	return r, checkID("id", r.ID)
}

// DecodeList decodes a request for a list of tasks and returns after which task,
// counted from 1 in the order of submission, it is to begin. The error is an [*ha.Error].
func DecodeList(body []byte) (r ListRequest, after uint64, err error) {
	if !blank(body) {
		if err := decode(body, &r); err != nil {
			return r, 0, err
		}
	}
	if r.State != "" {
		if r.State.Validate() != nil { // whose words repeat all of it
			return r, 0, ha.Invalid("invalid_state", "state must be one of %v, got %s", ha.TaskStates(), Quote(string(r.State)))
		}
	}
	if r.Limit, err = limit(r.Limit, 100); err != nil {
		return r, 0, err
	}
	if err := checkTokens(named{"kind", r.Kind}, named{"pool", r.Pool}, named{"batch", r.Batch}); err != nil {
		return r, 0, err
	}
	if r.Cursor != "" {
		if after, err = strconv.ParseUint(r.Cursor, 10, 64); err != nil || after == math.MaxUint64 {
			return r, 0, ha.Invalid("invalid_cursor", "cursor must be the next of an earlier answer, got %s", Quote(r.Cursor))
		}
	}
	return r, after, nil
}

func limit(n, otherwise int) (int, error) {
	if n < 0 || n > MaxTasksPage {
		return 0, ha.Invalid("invalid_limit", "limit must be a whole number from 1 to %d, got %d", MaxTasksPage, n)
	}
	if n == 0 {
		n = otherwise
	}
	return n, nil
}

// DecodeRetry decodes a request to put tasks back. The error is an [*ha.Error].
func DecodeRetry(body []byte) (RetryRequest, error) {
	var r RetryRequest
	if err := decode(body, &r); err != nil {
		return r, err
	}
	if (r.ID == "") == (r.Kind == "") {
		return r, ha.Invalid("invalid_id", "either id or kind must say what is to be retried")
	}
	if r.ID != "" {
		return r, checkID("id", r.ID)
	}
	if !ha.ValidToken(r.Kind) {
		return r, badToken("kind", r.Kind)
	}
	n, err := limit(r.Limit, MaxTasksPage)
	r.Limit = n
	return r, err
}

// DecodePull decodes a request for results. The error is an [*ha.Error].
func DecodePull(body []byte) (PullRequest, error) {
	var r PullRequest
	if !blank(body) {
		if err := decode(body, &r); err != nil {
			return r, err
		}
	}
	if err := checkTokens(named{"kind", r.Kind}, named{"pool", r.Pool}, named{"receipt", r.Receipt}); err != nil {
		return r, err
	}
	n, err := limit(r.Limit, 100)
	r.Limit = n
	return r, err
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

// DecodeLimit decodes a limit. The error is an [*ha.Error].
func DecodeLimit(body []byte) (ha.Limit, error) {
	var l ha.Limit
	if err := decode(body, &l); err != nil {
		return l, err
	}
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
		return l, err
	}
	switch {
	case given != 1:
		return l, ha.Invalid("invalid_limit", "one of kind, pool and key must say what is limited")
	case l.Concurrency < 0 || l.Concurrency > 1_000_000:
		return l, ha.Invalid("invalid_limit", "concurrency must be from 1 to 1000000, or 0 for no limit, got %d", l.Concurrency)
	case l.Rate != 0 && (l.Rate < 0.001 || l.Rate > 1_000_000):
		return l, ha.Invalid("invalid_limit", "rate must be from 0.001 to 1000000 a second, or 0 for no limit, got %g", l.Rate)
	case l.Rate != 0 && l.Kind == "":
		return l, ha.Invalid("invalid_limit", "only a kind may have a rate")
	case l.Burst < 0 || l.Burst > 1_000_000:
		return l, ha.Invalid("invalid_limit", "burst must be from 1 to 1000000, got %d", l.Burst)
	case l.Burst != 0 && l.Rate == 0:
		return l, ha.Invalid("invalid_limit", "burst goes with a rate")
	}
	if l.Rate != 0 && l.Burst == 0 {
		l.Burst = 1
	}
	return l, nil
}

// DecodeBatch decodes a request about a batch. The error is an [*ha.Error].
func DecodeBatch(body []byte) (BatchRequest, error) {
	var r BatchRequest
	if err := decode(body, &r); err != nil {
		return r, err
	}
	if !ha.ValidToken(r.Name) {
		return r, badToken("name", r.Name)
	}
	if r.Then == nil {
		return r, nil
	}
	if r.Then.AfterBatch != "" && r.Then.AfterBatch != r.Name {
		return r, ha.Invalid("invalid_after_batch", "the task of \"then\" comes after the batch %q, not after %s", r.Name, Quote(r.Then.AfterBatch))
	}
	r.Then.AfterBatch = r.Name
	return r, CheckTask(r.Then)
}

// DecodeProgress decodes what a worker says of an activation. The error is an [*ha.Error].
func DecodeProgress(body []byte) (ProgressReport, error) {
	var p ProgressReport
	if err := decode(body, &p); err != nil {
		return p, err
	}
	if !ha.ValidToken(string(p.Activation)) {
		return p, badToken("activation", string(p.Activation))
	}
	if p.Percent < 0 || p.Percent > 100 {
		return p, ha.Invalid("invalid_percent", "percent must be from 0 to 100, got %g", p.Percent)
	}
	p.Text = text.Cut(p.Text, MaxProgressText)
	return p, nil
}
