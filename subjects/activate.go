package subjects

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// Order is what a dispatcher tells a worker to do.
type Order string

// The orders.
const (
	// OrderActivate: run the work.
	OrderActivate Order = "activate"
	// OrderCancel: stop the listed work.
	OrderCancel Order = "cancel"
	// OrderDrain: finish, then leave.
	OrderDrain Order = "drain"
	// OrderProbe: do nothing. That nobody listens is what the dispatcher wants to know.
	OrderProbe Order = "probe"
)

// Activate is an order of a dispatcher to the worker ID.
type Activate struct {
	ID    ha.WorkerID `json:"id"`
	Order Order       `json:"order"`
	Epoch ha.Epoch    `json:"epoch"`
	Work  []Work      `json:"work,omitempty"`
}

// Work is one entry of an [Activate].
type Work struct {
	Activation ha.ActivationID `json:"activation"`
	// Task is set where the activation is for one.
	Task *WorkTask `json:"task,omitempty"`
}

// WorkTask is the task of an activation, as the worker is given it.
type WorkTask struct {
	ID        ha.TaskID       `json:"id"`
	Kind      string          `json:"kind"`
	Payload   json.RawMessage `json:"payload,omitempty"`
	Attempt   int             `json:"attempt"`
	TimeoutMS ha.Millis       `json:"timeout_ms"`
	Pool      string          `json:"pool,omitempty"`
	// Failures is how many attempts at it, or at this step, count against its limit so far.
	Failures    int       `json:"failures,omitempty"`
	Priority    int       `json:"priority,omitempty"`
	SubmittedAt time.Time `json:"submitted_at,omitzero"`
	// Step counts from 0, of Steps.
	Step     int               `json:"step,omitempty"`
	Steps    int               `json:"steps,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata json.RawMessage   `json:"metadata,omitempty"`
	Upstream []ha.Upstream     `json:"upstream,omitempty"`
}

// DecodeActivate decodes an order as a worker receives it. The error is an [*ha.Error].
func DecodeActivate(body []byte) (Activate, error) {
	if a, ok := readActivate(body); ok {
		return a, nil
	}
	return decodeActivate(body)
}

func decodeActivate(body []byte) (Activate, error) {
	var a Activate
	if err := decode(body, &a); err != nil {
		return Activate{}, err
	}
	if !ha.ValidToken(string(a.ID)) {
		return Activate{}, badToken("id", string(a.ID))
	}
	for i, w := range a.Work {
		if !ha.ValidToken(string(w.Activation)) {
			return Activate{}, badToken(fmt.Sprintf("work[%d].activation", i), string(w.Activation))
		}
	}
	return a, nil
}

// readActivate reads an order to run activations, as AppendActivate writes it.
func readActivate(body []byte) (a Activate, ok bool) {
	in := newReader(body)
	if !in.Skip(`{"id":"`) {
		return Activate{}, false
	}
	a.ID = ha.WorkerID(in.Token())
	if a.ID == "" || !in.Skip(`,"order":"activate","epoch":`) {
		return Activate{}, false
	}
	a.Order = OrderActivate
	epoch, ok := in.Number()
	if !ok || epoch < 0 || !in.Skip(`,"work":[`) {
		return Activate{}, false
	}
	a.Epoch = ha.Epoch(epoch)
	a.Work = make([]Work, 0, min(rawjson.CountObjects(body), MaxListed))
	for more := true; more; more = in.Skip(`,`) {
		w := Work{}
		if !in.Skip(`{"activation":"`) {
			return Activate{}, false
		}
		if w.Activation = ha.ActivationID(in.Token()); w.Activation == "" {
			return Activate{}, false
		}
		if in.Skip(`,"task":`) {
			if w.Task, ok = in.task(); !ok {
				return Activate{}, false
			}
		}
		if !in.Skip(`}`) {
			return Activate{}, false
		}
		a.Work = append(a.Work, w)
	}
	return a, string(in.Rest) == `]}` && len(body) <= MaxBody && utf8.Valid(body)
}

// task reads the task of an activation.
func (in *reader) task() (t *WorkTask, ok bool) {
	t = new(WorkTask)
	if !in.Skip(`{"id":"`) {
		return nil, false
	}
	t.ID = ha.TaskID(in.Token())
	if t.ID == "" || !in.Skip(`,"kind":"`) {
		return nil, false
	}
	if t.Kind = in.TokenLike(&in.kind); t.Kind == "" {
		return nil, false
	}
	if in.Skip(`,"payload":`) {
		if t.Payload, ok = in.Value(); !ok {
			return nil, false
		}
	}
	if !in.Skip(`,"attempt":`) {
		return nil, false
	}
	attempt, ok := in.Number()
	if !ok || !in.Skip(`,"timeout_ms":`) {
		return nil, false
	}
	timeout, ok := in.Number()
	if !ok {
		return nil, false
	}
	t.Attempt, t.TimeoutMS = int(attempt), ha.Millis(timeout)
	if in.Skip(`,"pool":"`) {
		if t.Pool = in.TokenLike(&in.pool); t.Pool == "" {
			return nil, false
		}
	}
	return t, in.moreOfTask(t) && in.Skip(`}`)
}

// moreOfTask reads what few tasks of activations have.
func (in *reader) moreOfTask(t *WorkTask) (ok bool) {
	if in.Skip(`,"failures":`) && !in.Into(&t.Failures, nil) || in.Skip(`,"priority":`) && !in.Into(&t.Priority, nil) {
		return false
	}
	if in.Skip(`,"submitted_at":`) {
		raw, found := in.Value()
		if !found || len(raw) < 2 {
			return false
		}
		var err error
		if t.SubmittedAt, err = time.Parse(time.RFC3339, string(raw[1:len(raw)-1])); err != nil {
			return false
		}
	}
	if in.Skip(`,"step":`) && !in.Into(&t.Step, nil) || in.Skip(`,"steps":`) && !in.Into(&t.Steps, nil) ||
		in.Skip(`,"labels":`) && !in.Into(&t.Labels, nil) {
		return false
	}
	if in.Skip(`,"metadata":`) {
		if t.Metadata, ok = in.Value(); !ok {
			return false
		}
	}
	return !in.Skip(`,"upstream":`) || in.Into(&t.Upstream, upstreamShape)
}

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
		dst = appendWorkTask(dst, w.Task)
	}
	return append(dst, '}')
}

// appendWorkTask appends the JSON of t to dst. Payload, metadata and results are
// valid JSON already and are passed on as they came.
func appendWorkTask(dst []byte, t *WorkTask) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, t.ID...)
	dst = append(dst, `","kind":"`...)
	dst = append(dst, t.Kind...)
	dst = append(dst, '"')
	dst = rawjson.AppendRaw(dst, `,"payload":`, t.Payload)
	dst = append(dst, `,"attempt":`...)
	dst = strconv.AppendInt(dst, int64(t.Attempt), 10)
	dst = append(dst, `,"timeout_ms":`...)
	dst = strconv.AppendInt(dst, int64(t.TimeoutMS), 10)
	dst = rawjson.AppendToken(dst, `,"pool":"`, t.Pool)
	dst = rawjson.AppendInt(dst, `,"failures":`, int64(t.Failures))
	dst = rawjson.AppendInt(dst, `,"priority":`, int64(t.Priority))
	if !t.SubmittedAt.IsZero() {
		dst = t.SubmittedAt.UTC().AppendFormat(append(dst, `,"submitted_at":"`...), time.RFC3339Nano)
		dst = append(dst, '"')
	}
	dst = rawjson.AppendInt(dst, `,"step":`, int64(t.Step))
	dst = rawjson.AppendInt(dst, `,"steps":`, int64(t.Steps))
	if len(t.Labels) > 0 {
		labels, _ := json.Marshal(t.Labels) // a map of strings always marshals
		dst = append(append(dst, `,"labels":`...), labels...)
	}
	dst = rawjson.AppendRaw(dst, `,"metadata":`, t.Metadata)
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
		dst = rawjson.AppendRaw(dst, `,"result":`, u.Result)
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
