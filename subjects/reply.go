package subjects

import (
	"encoding/json"
	"errors"
	"strconv"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// The headers of a refused request, as NATS micro services use them.
const (
	HeaderErrorCode = "Nats-Service-Error-Code"
	HeaderError     = "Nats-Service-Error"
)

// ErrorBody is the body of a refused request.
type ErrorBody struct {
	Error ErrorDetail `json:"error"`
	// ID is that of the task which holds the unique key, beside "not_unique".
	ID ha.TaskID `json:"id,omitempty"`
}

// ErrorDetail says what was wrong: a stable code for programs, a message for people.
type ErrorDetail struct {
	// Status is set if no header carries it: in the entries of a reply about many.
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// EncodeError returns the body of the refusal err. An error that is not an
// [*ha.Error] is an internal one.
func EncodeError(err error) (refusal *ha.Error, body []byte) { return EncodeRefusal(err, "") }

// EncodeRefusal is [EncodeError] for a refusal that names a task, as "not_unique" does.
func EncodeRefusal(err error, id ha.TaskID) (refusal *ha.Error, body []byte) {
	if !errors.As(err, &refusal) {
		refusal = &ha.Error{Status: 500, Code: "internal", Message: err.Error()}
	}
	e := ErrorBody{Error: ErrorDetail{Code: refusal.Code, Message: refusal.Message}, ID: id}
	body, _ = json.Marshal(e) // strings always marshal
	return refusal, body
}

// EncodeReply returns a reply, or a part of one, as JSON on one line, but for what it
// holds of payloads, results and metadata: those go out as they came, byte for byte. The
// error is that of [json.Marshal].
func EncodeReply(message any) ([]byte, error) {
	switch m := message.(type) {
	case ha.TaskRecord:
		return AppendTaskRecord(nil, &m)
	case ha.TaskResult:
		return AppendTaskResult(nil, &m), nil
	case Pulled:
		return AppendPulled(nil, m), nil
	}
	return marshal(message)
}

// DecodeReply decodes a reply into the message that into points to. errorCode
// is the value of the header [HeaderErrorCode]; if it is not empty the reply
// is a refusal, which is returned as an [*ha.Error].
func DecodeReply(errorCode string, body []byte, into any) error {
	if errorCode != "" {
		var e ErrorBody
		status, err := strconv.Atoi(errorCode)
		if err != nil {
			status = 500
		}
		if unmarshal(body, &e) != nil || e.Error.Code == "" {
			e.Error = ErrorDetail{Code: "unknown", Message: "refused with status " + errorCode}
		}
		return &ha.Error{Status: status, Code: e.Error.Code, Message: e.Error.Message}
	}
	return decodeAny(body, into)
}

// decodeAny is decode without the limit on a request's length: a list of
// workers may be longer.
func decodeAny(body []byte, into any) error {
	if err := unmarshal(body, into); err != nil {
		return ha.Invalid("invalid_reply", "reply is not the expected JSON: %s", rawjson.Explain(err, into).Message)
	}
	return nil
}
