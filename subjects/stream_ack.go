package subjects

import (
	"bytes"

	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// StreamAck reports whether a reply that is no refusal is not the dispatcher's, but the
// acknowledgement of a JetStream stream that stored the request, and returns the stream's
// name. It is a JSON object with the fields "stream" and "seq", which no reply of a
// dispatcher has.
func StreamAck(reply []byte) (stream string, is bool) {
	const longest = 1 << 10
	if len(reply) > longest || !bytes.Contains(reply, []byte(`"stream"`)) || !bytes.Contains(reply, []byte(`"seq"`)) {
		return "", false
	}
	if b := rawjson.SkipBlanks(reply); b[0] != '{' {
		return "", false
	}
	var ack struct {
		Stream *string `json:"stream"`
		Seq    *uint64 `json:"seq"`
	}
	if unmarshal(reply, &ack) != nil || ack.Stream == nil || ack.Seq == nil {
		return "", false
	}
	return *ack.Stream, true
}
