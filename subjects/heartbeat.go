package subjects

import (
	"fmt"
	"strconv"

	ha "github.com/seed261fe303/ha"
)

// The row of heartbeats in the table of requests.
var heartbeatRequests = []Request{
	{Name: "heartbeat", Topic: TopicHeartbeat, PerWorker: true, Forms: forms(form[Heartbeat, HeartbeatReply]()), From: forWorkers},
}

// MaxListed is the greatest number of activations one heartbeat or available lists.
const MaxListed = 2 * ha.MaxSlots

// Heartbeat says that a worker lives, and what it runs.
type Heartbeat struct {
	// Running lists the activations the worker holds, from the moment it received
	// them until their outcome is acknowledged. Nil: the worker does not say, and
	// nothing is concluded. Empty: it holds none.
	Running []ha.ActivationID `json:"running,omitzero"`
	// CPU is the share of one machine in use, 0 to 1.
	CPU float64 `json:"cpu,omitempty"`
	// MemoryBytes is the resident memory of the worker's process.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// Leaving: the worker takes no more work, and will say bye. It is given nothing more.
	Leaving bool `json:"leaving,omitempty"`
}

// HeartbeatReply is the reply to a [Heartbeat].
type HeartbeatReply struct {
	OK    bool     `json:"ok"`
	Epoch ha.Epoch `json:"epoch"`
}

// DecodeHeartbeat decodes a heartbeat; an empty body is one that says nothing.
// The error is an [*ha.Error].
func DecodeHeartbeat(body []byte) (Heartbeat, error) {
	if hb, ok := readHeartbeat(body); ok {
		return hb, nil
	}
	return decodeHeartbeat(body)
}

func decodeHeartbeat(body []byte) (Heartbeat, error) {
	var hb Heartbeat
	if blank(body) {
		return hb, nil
	}
	if err := decode(body, &hb); err != nil {
		return Heartbeat{}, err
	}
	if len(hb.Running) > MaxListed {
		return Heartbeat{}, ha.TooLarge("too_many_running", "running may list at most %d activations, got %d", MaxListed, len(hb.Running))
	}
	for i, a := range hb.Running {
		if !ha.ValidToken(string(a)) {
			return Heartbeat{}, badToken(fmt.Sprintf("running[%d]", i), string(a))
		}
	}
	if hb.CPU < 0 || hb.MemoryBytes < 0 {
		return Heartbeat{}, ha.Invalid("invalid_load", "cpu and memory_bytes must not be negative")
	}
	return hb, nil
}

// readHeartbeat reads {"running":[…]}.
func readHeartbeat(body []byte) (hb Heartbeat, ok bool) {
	in := newReader(body)
	if !in.Skip(`{"running":[`) {
		return Heartbeat{}, false
	}
	hb.Running = []ha.ActivationID{}
	if string(in.Rest) == `]}` {
		return hb, true
	}
	for more := true; more; more = in.Skip(`,`) {
		if !in.Skip(`"`) {
			return Heartbeat{}, false
		}
		id := ha.ActivationID(in.Token())
		if id == "" || len(hb.Running) == MaxListed {
			return Heartbeat{}, false
		}
		hb.Running = append(hb.Running, id)
	}
	return hb, string(in.Rest) == `]}` && len(body) <= MaxBody
}

// AppendHeartbeatReply appends the JSON of an accepted heartbeat to dst.
func AppendHeartbeatReply(dst []byte, epoch ha.Epoch) []byte {
	dst = append(dst, `{"ok":true,"epoch":`...)
	dst = strconv.AppendUint(dst, uint64(epoch), 10)
	return append(dst, '}')
}
