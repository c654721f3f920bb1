package subjects

import (
	"bytes"

	ha "github.com/seed261fe303/ha"
)

// The two requests that a dispatcher gets by the hundred thousand are read by
// hand where they are written the way package worker and most others write them:
// no blanks, fields in the protocol's order, tokens only. Everything else, and
// everything that is wrong, is left to encoding/json. A fuzz test holds the two
// against each other.

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

// readAvailable reads {"message":"i_am_available","finished":[…]}, with or without
// the message and of entries without error and result.
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
		if !f.Outcome.Reportable() || !c.skip(`}`) || len(a.Finished) == MaxListed {
			return Available{}, false
		}
		a.Finished = append(a.Finished, f)
	}
	return a, string(c.rest) == `]}` && len(body) <= MaxBody
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
