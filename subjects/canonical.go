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
type canonical struct{ rest []byte }

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
	end := bytes.IndexByte(c.rest[:min(len(c.rest), MaxToken+1)], '"')
	if end < 0 {
		return ""
	}
	token := string(c.rest[:end])
	if !ValidToken(token) {
		return ""
	}
	c.rest = c.rest[end+1:]
	return token
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

// number reads a whole number of at most 15 digits.
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
	if i == 0 || i == 16 || i > 1 && b[0] == '0' || i < len(b) && (b[i] == '.' || b[i] == 'e' || b[i] == 'E') {
		return 0, false
	}
	c.rest = b[i:]
	if negative {
		n = -n
	}
	return n, true
}

// readAvailable reads {"message":"i_am_available","finished":[…]}, with or without
// the message and of entries without error.
func readAvailable(body []byte) (a Available, ok bool) {
	c := canonical{body}
	const message = "i_am_available"
	if c.skip(`{"message":"` + message + `",`) {
		a.Message = message
	} else if !c.skip(`{`) {
		return Available{}, false
	}
	if !c.skip(`"finished":[`) {
		return Available{}, false
	}
	for more := true; more; more = c.skip(`,`) {
		f := Finished{}
		if !c.skip(`{"activation":"`) {
			return Available{}, false
		}
		f.Activation = ha.ActivationID(c.token())
		if f.Activation == "" || !c.skip(`,"outcome":"`) {
			return Available{}, false
		}
		f.Outcome = ha.Outcome(c.token())
		if !f.Outcome.Reportable() || len(a.Finished) == MaxListed {
			return Available{}, false
		}
		if c.skip(`,"result":`) {
			if f.Result, ok = c.value(); !ok || len(f.Result) > ha.MaxPayload {
				return Available{}, false
			}
		}
		if !c.skip(`}`) {
			return Available{}, false
		}
		a.Finished = append(a.Finished, f)
	}
	return a, string(c.rest) == `]}` && len(body) <= MaxBody && utf8.Valid(body)
}

// readHeartbeat reads {"running":[…]}.
func readHeartbeat(body []byte) (hb Heartbeat, ok bool) {
	c := canonical{body}
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

// readActivate reads an order to run activations, as AppendActivate writes it for
// tasks that carry no more than their payload.
func readActivate(body []byte) (a Activate, ok bool) {
	c := canonical{body}
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
	return a, string(c.rest) == `]}` && utf8.Valid(body)
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
	if t.Kind = c.token(); t.Kind == "" {
		return nil, false
	}
	if c.skip(`,"payload":`) {
		if t.Payload, ok = c.value(); !ok {
			return nil, false
		}
	}
	attempt, timeout := int64(0), int64(0)
	if !c.skip(`,"attempt":`) {
		return nil, false
	}
	if attempt, ok = c.number(); !ok || !c.skip(`,"timeout_ms":`) {
		return nil, false
	}
	if timeout, ok = c.number(); !ok {
		return nil, false
	}
	t.Attempt, t.TimeoutMS = int(attempt), ha.Millis(timeout)
	if c.skip(`,"pool":"`) {
		if t.Pool = c.token(); t.Pool == "" {
			return nil, false
		}
	}
	return t, c.skip(`}`)
}

// readTask reads a task as it is submitted, of these fields in any order.
func (c *canonical) readTask(s *ha.TaskSpec) bool {
	if !c.skip(`{`) {
		return false
	}
	for more := true; more; more = c.skip(`,`) {
		ok := true
		switch {
		case c.skip(`"id":"`):
			s.ID = ha.TaskID(c.token())
			ok = s.ID != ""
		case c.skip(`"kind":"`):
			s.Kind = c.token()
			ok = s.Kind != ""
		case c.skip(`"payload":`):
			s.Payload, ok = c.value()
		case c.skip(`"pool":"`):
			s.Pool = c.token()
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
			ok = false
		}
		if !ok {
			return false
		}
	}
	return c.skip(`}`)
}
