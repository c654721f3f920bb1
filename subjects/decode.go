package subjects

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// Limits of the wire. Anything over them is refused with status 413.
const (
	// MaxBody is the greatest length in bytes of any request.
	MaxBody = 1 << 20
	// MaxNames is the greatest number of pools, and of kinds, of one worker.
	MaxNames = 64
	// MaxListed is the greatest number of activations one heartbeat or available lists.
	MaxListed = 2 * ha.MaxSlots
	// MaxError is the length in bytes to which the error text of an outcome is cut.
	MaxError = 4096
	// MaxWorkersPage is the greatest number of workers in one answer, which keeps it
	// within the 1 MiB that a NATS server carries by default.
	MaxWorkersPage = 1000
	// DefaultPool is the pool of a worker that names none.
	DefaultPool = "default"
)

// DecodeHello decodes and validates a hello, with its defaults filled in. Only
// a weight is required. The error is an [*ha.Error].
func DecodeHello(body []byte) (Hello, error) {
	var wire struct {
		Hello
		Weight json.RawMessage `json:"weight"`
	}
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

func checkNames(field string, names []string) error {
	if len(names) > MaxNames {
		return ha.TooLarge("too_many_"+field, "%s may list at most %d names, got %d", field, MaxNames, len(names))
	}
	for i, name := range names {
		if !ha.ValidToken(name) {
			return badToken(fmt.Sprintf("%s[%d]", field, i), name)
		}
	}
	return nil
}

func badToken(field, got string) error {
	code, _, _ := strings.Cut(field, "[")
	return ha.Invalid("invalid_"+code, "%s must be 1 to %d of the characters a-z, A-Z, 0-9, '_' and '-', got %s", field, ha.MaxToken, Quote(got))
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
			ha.MinWeight, ha.MaxWeight, oneLine(raw))
	}
	return ha.Weight(f), nil
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

// DecodeAvailable decodes an available; an empty body, or one without
// "finished", says that all the worker ran is done. The error is an [*ha.Error].
func DecodeAvailable(body []byte) (Available, error) {
	if a, ok := readAvailable(body); ok {
		return a, nil
	}
	return decodeAvailable(body)
}

func decodeAvailable(body []byte) (Available, error) {
	var a Available
	if blank(body) {
		return a, nil
	}
	if err := decode(body, &a); err != nil {
		return Available{}, err
	}
	if len(a.Finished) > MaxListed {
		return Available{}, ha.TooLarge("too_many_finished", "finished may list at most %d activations, got %d", MaxListed, len(a.Finished))
	}
	for i := range a.Finished {
		f := &a.Finished[i]
		if !ha.ValidToken(string(f.Activation)) {
			return Available{}, badToken(fmt.Sprintf("finished[%d].activation", i), string(f.Activation))
		}
		if !f.Outcome.Reportable() {
			return Available{}, ha.Invalid("invalid_outcome", "finished[%d].outcome must be done, failed, cancelled, timed_out or rejected, got %s",
				i, Quote(string(f.Outcome)))
		}
		f.Error = text.Cut(f.Error, MaxError)
		if err := checkNesting("result", f.Result); err != nil {
			return Available{}, err
		}
		if len(f.Result) > ha.MaxPayload {
			return Available{}, ha.TooLarge("result_too_large", "finished[%d].result may be at most %d bytes, got %d", i, ha.MaxPayload, len(f.Result))
		}
	}
	return a, nil
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

// DecodeWorkersRequest decodes a request for the list of workers and returns
// after which registration, counted from 1, the list is to begin. An empty body
// asks for the first page. The error is an [*ha.Error].
func DecodeWorkersRequest(body []byte) (r WorkersRequest, after uint64, err error) {
	if !blank(body) {
		if err := decode(body, &r); err != nil {
			return WorkersRequest{}, 0, err
		}
	}
	if r.Limit < 0 || r.Limit > MaxWorkersPage {
		return WorkersRequest{}, 0, ha.Invalid("invalid_limit", "limit must be a whole number from 1 to %d, got %d", MaxWorkersPage, r.Limit)
	}
	if r.Limit == 0 {
		r.Limit = MaxWorkersPage
	}
	if r.Cursor != "" {
		if after, err = strconv.ParseUint(r.Cursor, 10, 64); err != nil || after == math.MaxUint64 {
			return WorkersRequest{}, 0, ha.Invalid("invalid_cursor", "cursor must be the next of an earlier answer, got %s", Quote(r.Cursor))
		}
	}
	return r, after, nil
}

// DecodeEmpty accepts the body of a request that carries nothing: none at all,
// or any JSON object. The error is an [*ha.Error].
func DecodeEmpty(body []byte) error {
	if blank(body) {
		return nil
	}
	return decode(body, &struct{}{})
}

// blank tells whether body says nothing. One over the limit is not blank, so
// that decode refuses it.
func blank(body []byte) bool { return len(body) <= MaxBody && len(bytes.TrimSpace(body)) == 0 }

func decode(body []byte, into any) error {
	if len(body) > MaxBody {
		return tooLarge(body)
	}
	if !utf8.Valid(body) {
		return ha.Invalid("invalid_utf8", "body must be UTF-8")
	}
	switch b := bytes.TrimSpace(body); {
	case len(b) == 0:
		return ha.Invalid("invalid_json", "body must be a JSON object, got an empty one")
	case b[0] != '{':
		return ha.Invalid("invalid_json", "body must be a JSON object, got %s", oneLine(b))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return explain(err)
	}
	return nil
}

// explain says what encoding/json found wrong without its words for Go types.
func explain(err error) *ha.Error {
	if wrong, ok := errors.AsType[*time.ParseError](err); ok {
		return ha.Invalid("invalid_time", "a time must be written like \"2006-01-02T15:04:05Z\", got %s", Quote(wrong.Value))
	}
	wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok && strings.Contains(err.Error(), "Time.UnmarshalJSON"):
		return ha.Invalid("invalid_time", "a time must be written like \"2006-01-02T15:04:05Z\", as a string")
	case !ok:
		return ha.Invalid("invalid_json", "body must be a JSON object: %s", syntaxProblem(err))
	}
	field := strings.TrimPrefix(wrongType.Field, "Hello.")
	if field == "" {
		field = "body"
	}
	switch kind := wrongType.Type.Kind(); {
	case kind != reflect.Slice && isList(strings.TrimPrefix(field, "then.")):
		field = "each entry of " + field
	case kind != reflect.Map && strings.HasSuffix(field, "labels"):
		field = "each value of " + field
	}
	return ha.Invalid("invalid_type", "%s must be %s, got a JSON %s", field, jsonName(wrongType.Type.Kind()), text.Abbreviate(wrongType.Value))
}

func syntaxProblem(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	if strings.Contains(text, "max depth") {
		text = "nested more than 10000 levels deep"
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		text += fmt.Sprintf(" (byte %d)", syntax.Offset)
	}
	return text
}

// isList tells whether the field of that path is an array on the wire, so that a
// complaint about it may be one about an entry.
func isList(path string) bool {
	switch path {
	case "pools", "kinds", "running", "finished", "work", "ignored", "workers", "after", "steps":
		return true
	}
	return false
}

// jsonName says a kind of Go type in the words of JSON.
func jsonName(kind reflect.Kind) string {
	switch kind {
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Int, reflect.Int64:
		return "a whole number, written without fraction or exponent"
	case reflect.Uint, reflect.Uint64:
		return "a whole number from 0, written without fraction or exponent"
	case reflect.Float64:
		return "a number within ±1.7e308"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a string"
}

// Quote puts s in quotes, on one line and shortened to what fits in an error message.
func Quote(s string) string { return text.Quote(s) }

// oneLine shortens a JSON value as it was written to what fits in an error message:
// those travel in headers, which end at a line break.
func oneLine(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return Quote(string(raw))
	}
	return text.Abbreviate(b.String())
}
