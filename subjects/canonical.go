package subjects

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
)

// The messages that a dispatcher or a worker gets by the hundred thousand are read
// by hand where they are written the way our own packages and most others write
// them: no blanks between fields, strings that are tokens, few fields. Everything
// else, and everything that is wrong, is left to encoding/json. Fuzz tests hold the
// two against each other. What is read by hand shares the memory of the message.

// canonical takes a body apart from its beginning.
type canonical struct {
	rest []byte
	// The last kind, pool and outcome that were read.
	kind, pool, outcome string
}

// entries is about how many objects body lists.
func entries(body []byte) int { return 1 + bytes.Count(body, []byte(`},{`)) }

// skip passes over text where it comes next.
func (c *canonical) skip(text string) bool {
	if len(c.rest) < len(text) || string(c.rest[:len(text)]) != text {
		return false
	}
	c.rest = c.rest[len(text):]
	return true
}

// token reads a token and the quote after it; an empty one is none.
func (c *canonical) token() string {
	end := bytes.IndexByte(c.rest[:min(len(c.rest), ha.MaxToken+1)], '"')
	if end < 0 {
		return ""
	}
	token := string(c.rest[:end])
	if !ha.ValidToken(token) {
		return ""
	}
	c.rest = c.rest[end+1:]
	return token
}

// like is token for one that is most often the same as the last, whose memory it
// then shares.
func (c *canonical) like(last *string) string {
	n := len(*last)
	if n > 0 && len(c.rest) > n && c.rest[n] == '"' && string(c.rest[:n]) == *last {
		c.rest = c.rest[n+1:]
		return *last
	}
	token := c.token()
	if token != "" {
		*last = token
	}
	return token
}

// into has encoding/json read any JSON value into the field of a message that to
// points to. What was read into it before is what it finds, as in one go.
func (c *canonical) into(to any) bool {
	raw, ok := c.value()
	return ok && json.Unmarshal(raw, to) == nil
}

// text is into for a string of its own, which is all that then needs memory.
func (c *canonical) text() (text string, ok bool) {
	var read string
	ok = c.into(&read)
	return read, ok
}

// value reads any JSON value; nil: it is for encoding/json to say what that is.
// null counts as none, as it does there where a pointer or a slice is read.
func (c *canonical) value() (raw json.RawMessage, ok bool) {
	rest, ok := skipValue(c.rest)
	if !ok {
		return nil, false
	}
	end := len(c.rest) - len(rest)
	raw = json.RawMessage(c.rest[:end:end]) // nobody who appends to it reaches what follows
	c.rest = rest
	return raw, true
}

// number reads a whole number of at most 15 digits. -0 is left to encoding/json,
// which takes it for what may be negative.
func (c *canonical) number() (n int64, ok bool) {
	b := c.rest
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	i := 0
	for i < len(b) && i < 16 && '0' <= b[i] && b[i] <= '9' {
		n = 10*n + int64(b[i]-'0')
		i++
	}
	if i == 0 || i == 16 || negative && n == 0 || i > 1 && b[0] == '0' || i < len(b) && (b[i] == '.' || b[i] == 'e' || b[i] == 'E') {
		return 0, false
	}
	c.rest = b[i:]
	if negative {
		n = -n
	}
	return n, true
}

// readAvailable reads {"message":"i_am_available","finished":[…]}, with or without
// the message.
func readAvailable(body []byte) (a Available, ok bool) {
	c := canonical{rest: body}
	const message = "i_am_available"
	if c.skip(`{"message":"` + message + `",`) {
		a.Message = message
	} else if !c.skip(`{`) {
		return Available{}, false
	}
	if !c.skip(`"finished":[`) {
		return Available{}, false
	}
	a.Finished = make([]Finished, 0, min(entries(body), MaxListed))
	for more := true; more; more = c.skip(`,`) {
		f, ok := c.finished()
		if !ok || len(a.Finished) == MaxListed {
			return Available{}, false
		}
		a.Finished = append(a.Finished, f)
	}
	return a, string(c.rest) == `]}` && len(body) <= MaxBody && utf8.Valid(body)
}

// finished reads one entry of an available.
func (c *canonical) finished() (f Finished, ok bool) {
	if !c.skip(`{"activation":"`) {
		return f, false
	}
	f.Activation = ha.ActivationID(c.token())
	if f.Activation == "" || !c.skip(`,"outcome":"`) {
		return f, false
	}
	f.Outcome = ha.Outcome(c.like(&c.outcome))
	if !f.Outcome.Reportable() {
		return f, false
	}
	if c.skip(`,"error":`) {
		if f.Error, ok = c.text(); !ok || len(f.Error) > MaxError {
			return f, false
		}
	}
	f.Permanent = c.skip(`,"permanent":true`)
	if c.skip(`,"result":`) {
		if f.Result, ok = c.value(); !ok || len(f.Result) > ha.MaxPayload {
			return f, false
		}
	}
	return f, c.skip(`}`)
}

// readHeartbeat reads {"running":[…]}.
func readHeartbeat(body []byte) (hb Heartbeat, ok bool) {
	c := canonical{rest: body}
	if !c.skip(`{"running":[`) {
		return Heartbeat{}, false
	}
	hb.Running = []ha.ActivationID{}
	if string(c.rest) == `]}` {
		return hb, true
	}
	for more := true; more; more = c.skip(`,`) {
		if !c.skip(`"`) {
			return Heartbeat{}, false
		}
		id := ha.ActivationID(c.token())
		if id == "" || len(hb.Running) == MaxListed {
			return Heartbeat{}, false
		}
		hb.Running = append(hb.Running, id)
	}
	return hb, string(c.rest) == `]}` && len(body) <= MaxBody
}

// readActivate reads an order to run activations, as AppendActivate writes it.
func readActivate(body []byte) (a Activate, ok bool) {
	c := canonical{rest: body}
	if !c.skip(`{"id":"`) {
		return Activate{}, false
	}
	a.ID = ha.WorkerID(c.token())
	if a.ID == "" || !c.skip(`,"order":"activate","epoch":`) {
		return Activate{}, false
	}
	a.Order = OrderActivate
	epoch, ok := c.number()
	if !ok || epoch < 0 || !c.skip(`,"work":[`) {
		return Activate{}, false
	}
	a.Epoch = ha.Epoch(epoch)
	a.Work = make([]Work, 0, min(entries(body), MaxListed))
	for more := true; more; more = c.skip(`,`) {
		w := Work{}
		if !c.skip(`{"activation":"`) {
			return Activate{}, false
		}
		if w.Activation = ha.ActivationID(c.token()); w.Activation == "" {
			return Activate{}, false
		}
		if c.skip(`,"task":`) {
			if w.Task, ok = c.task(); !ok {
				return Activate{}, false
			}
		}
		if !c.skip(`}`) {
			return Activate{}, false
		}
		a.Work = append(a.Work, w)
	}
	return a, string(c.rest) == `]}` && len(body) <= MaxBody && utf8.Valid(body)
}

// task reads the task of an activation.
func (c *canonical) task() (t *WorkTask, ok bool) {
	t = new(WorkTask)
	if !c.skip(`{"id":"`) {
		return nil, false
	}
	t.ID = ha.TaskID(c.token())
	if t.ID == "" || !c.skip(`,"kind":"`) {
		return nil, false
	}
	if t.Kind = c.like(&c.kind); t.Kind == "" {
		return nil, false
	}
	if c.skip(`,"payload":`) {
		if t.Payload, ok = c.value(); !ok {
			return nil, false
		}
	}
	if !c.skip(`,"attempt":`) {
		return nil, false
	}
	attempt, ok := c.number()
	if !ok || !c.skip(`,"timeout_ms":`) {
		return nil, false
	}
	timeout, ok := c.number()
	if !ok {
		return nil, false
	}
	t.Attempt, t.TimeoutMS = int(attempt), ha.Millis(timeout)
	if c.skip(`,"pool":"`) {
		if t.Pool = c.like(&c.pool); t.Pool == "" {
			return nil, false
		}
	}
	return t, c.moreOfTask(t) && c.skip(`}`)
}

// moreOfTask reads what few tasks of activations have.
func (c *canonical) moreOfTask(t *WorkTask) (ok bool) {
	if c.skip(`,"step":`) && !c.into(&t.Step) || c.skip(`,"steps":`) && !c.into(&t.Steps) ||
		c.skip(`,"labels":`) && !c.into(&t.Labels) {
		return false
	}
	if c.skip(`,"metadata":`) {
		if t.Metadata, ok = c.value(); !ok {
			return false
		}
	}
	return !c.skip(`,"upstream":`) || c.into(&t.Upstream)
}

// readTask reads a task as it is submitted, its fields in any order.
func (c *canonical) readTask(s *ha.TaskSpec) bool {
	if !c.skip(`{`) {
		return false
	}
	for more := true; more; more = c.skip(`,`) {
		var ok bool
		switch {
		case c.skip(`"id":"`):
			s.ID = ha.TaskID(c.token())
			ok = s.ID != ""
		case c.skip(`"kind":"`):
			s.Kind = c.like(&c.kind)
			ok = s.Kind != ""
		case c.skip(`"payload":`):
			s.Payload, ok = c.value()
		case c.skip(`"pool":"`):
			s.Pool = c.like(&c.pool)
			ok = s.Pool != ""
		case c.skip(`"priority":`):
			var n int64
			n, ok = c.number()
			s.Priority = int(n)
		case c.skip(`"timeout_ms":`):
			var n int64
			n, ok = c.number()
			s.Timeout = ha.Millis(n)
		case c.skip(`"batch":"`):
			s.Batch = c.token()
			ok = s.Batch != ""
		default:
			ok = c.readMore(s)
		}
		if !ok {
			return false
		}
	}
	return c.skip(`}`)
}

// readMore reads one of the fields that few tasks have.
func (c *canonical) readMore(s *ha.TaskSpec) (ok bool) {
	switch {
	case c.skip(`"unique_key":`):
		return c.into(&s.UniqueKey)
	case c.skip(`"concurrency_key":`):
		return c.into(&s.ConcurrencyKey)
	case c.skip(`"labels":`):
		return c.into(&s.Labels)
	case c.skip(`"metadata":`):
		s.Metadata, ok = c.value()
		return ok
	case c.skip(`"retry":`):
		return c.into(&s.Retry)
	case c.skip(`"after":`):
		return c.into(&s.After)
	case c.skip(`"after_batch":`):
		return c.into(&s.AfterBatch)
	case c.skip(`"steps":`):
		return c.into(&s.Steps)
	case c.skip(`"run_at":`):
		return c.into(&s.RunAt)
	case c.skip(`"expires_at":`):
		return c.into(&s.ExpiresAt)
	}
	return false
}
