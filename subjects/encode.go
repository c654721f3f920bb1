package subjects

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
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
	for i, w := range a.Work {
		if i == 0 {
			dst = append(dst, `,"work":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"activation":"`...)
		dst = append(dst, w.Activation...)
		dst = append(dst, `"}`...)
	}
	if len(a.Work) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
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
	quoted, _ := json.Marshal(text) // a string always marshals
	return append(append(dst, field...), quoted...)
}

// HeaderText makes text fit to be the value of a header: one line.
func HeaderText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
