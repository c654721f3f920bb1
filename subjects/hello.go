package subjects

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// The row of hello in the table of requests.
var helloRequests = []Request{
	{Name: "hello", Topic: TopicHello, Forms: forms(form[Hello, HelloReply]()), From: forWorkers},
}

// ProtocolVersion is the version of the contract that this package speaks.
const ProtocolVersion = 1

const (
	// MaxNames is the greatest number of pools, and of kinds, of one worker.
	MaxNames = 64
	// DefaultPool is the pool of a worker that names none.
	DefaultPool = "default"
)

// Hello registers a worker. See [DecodeHello] for what is allowed.
type Hello struct {
	Message string    `json:"message,omitempty"`
	Weight  ha.Weight `json:"weight"`
	Name    string    `json:"name,omitempty"`
	Pools   []string  `json:"pools,omitempty"`
	// Kinds of tasks the worker handles; none: it takes plain activations.
	Kinds []string `json:"kinds,omitempty"`
	// Slots is how many activations it runs at the same time.
	Slots int `json:"slots,omitempty"`
	// Instance is a nonce of the worker's: a repeated hello with the same one gets the same id.
	Instance string `json:"instance,omitempty"`
	Protocol int    `json:"protocol,omitempty"`
	// Direct says that the worker also listens on its own activate subject.
	Direct bool `json:"direct,omitempty"`
}

// HelloReply is the reply to a [Hello].
type HelloReply struct {
	ID             ha.WorkerID `json:"id"`
	HeartbeatMS    int64       `json:"heartbeat_ms"`
	ReplyTimeoutMS int64       `json:"reply_timeout_ms"`
	Misses         int         `json:"misses"`
	EvictAfterMS   int64       `json:"evict_after_ms"`
	// Activate is the subject on which this worker receives its activations.
	Activate string   `json:"activate"`
	Epoch    ha.Epoch `json:"epoch"`
	// Probe is the subject on which a direct worker also listens, and does nothing about what
	// comes: that it listens says that it lives. Empty: there is none.
	Probe string `json:"probe,omitempty"`
}

// helloWire is a [Hello] whose weight may be written in several ways.
type helloWire struct {
	Hello
	Weight json.RawMessage `json:"weight"`
}

// DecodeHello decodes and validates a hello, with its defaults filled in. Only
// a weight is required. The error is an [*ha.Error].
func DecodeHello(body []byte) (Hello, error) {
	var wire helloWire
	if err := decode(body, &wire); err != nil {
		return Hello{}, err
	}
	h := wire.Hello
	weight, err := decodeWeight(wire.Weight)
	if err != nil {
		return Hello{}, err
	}
	h.Weight = weight
	if h.Slots == 0 {
		h.Slots = 1
	}
	if len(h.Pools) == 0 {
		h.Pools = []string{DefaultPool}
	}
	if h.Protocol == 0 {
		h.Protocol = ProtocolVersion
	}
	return h, h.Validate()
}

// Validate returns an [*ha.Error] for the first thing wrong with h.
func (h Hello) Validate() error {
	if err := h.Weight.Validate(); err != nil {
		return err
	}
	if h.Slots < 1 || h.Slots > ha.MaxSlots {
		return ha.Invalid("invalid_slots", "slots must be a whole number from 1 to %d, got %d", ha.MaxSlots, h.Slots)
	}
	if h.Protocol != ProtocolVersion {
		return ha.Invalid("invalid_protocol", "protocol must be %d, got %d", ProtocolVersion, h.Protocol)
	}
	if h.Name != "" && !ha.ValidToken(h.Name) {
		return badToken("name", h.Name)
	}
	if h.Instance != "" && !ha.ValidToken(h.Instance) {
		return badToken("instance", h.Instance)
	}
	if err := checkNames("pools", h.Pools); err != nil {
		return err
	}
	return checkNames("kinds", h.Kinds)
}

// decodeWeight accepts what is a whole number whichever way a language writes
// it: 3, 3.0 and 3e0 are one weight.
func decodeWeight(raw json.RawMessage) (ha.Weight, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return 0, ha.Invalid("invalid_weight", "weight is required, a whole number from %d to %d", ha.MinWeight, ha.MaxWeight)
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || f != math.Trunc(f) || f < float64(ha.MinWeight) || f > float64(ha.MaxWeight) {
		return 0, ha.Invalid("invalid_weight", "weight must be a whole number from %d to %d, got %s",
			ha.MinWeight, ha.MaxWeight, rawjson.OneLine(raw))
	}
	return ha.Weight(f), nil
}
