package subjects

import (
	"bytes"
	"encoding/json"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// AppendTaskRecord appends the JSON of r to dst. Payload, result and metadata are passed on
// byte for byte, as they were submitted; [json.Marshal] would take their blanks out. The
// error is that of [json.Marshal].
func AppendTaskRecord(dst []byte, r *ha.TaskRecord) ([]byte, error) {
	dst = rawjson.AppendQuoted(append(dst, `{"id":`...), string(r.ID))
	dst = rawjson.AppendQuoted(append(dst, `,"kind":`...), r.Kind)
	dst = rawjson.AppendQuoted(append(dst, `,"state":`...), string(r.State))
	dst = rawjson.AppendQuoted(append(dst, `,"pool":`...), r.Pool)
	dst = rawjson.AppendInt(dst, `,"priority":`, int64(r.Priority))
	dst = rawjson.AppendRaw(dst, `,"payload":`, r.Payload)
	dst = rawjson.AppendRaw(dst, `,"result":`, r.Result)
	rest, err := marshal(&recordRest{TaskRecord: r})
	if err != nil {
		return dst, err
	}
	dst = append(dst, ',')
	dst = append(dst, rest[1:len(rest)-1]...) // it is never empty: the number of attempts is always there
	dst = rawjson.AppendRaw(dst, `,"metadata":`, r.Metadata)
	return append(dst, '}'), nil
}

// recordRest is a record without the fields that AppendTaskRecord writes by hand, which
// those of the same names hide.
type recordRest struct {
	*ha.TaskRecord
	ID       hidden `json:"id,omitzero"`
	Kind     hidden `json:"kind,omitzero"`
	State    hidden `json:"state,omitzero"`
	Pool     hidden `json:"pool,omitzero"`
	Priority hidden `json:"priority,omitzero"`
	Payload  hidden `json:"payload,omitzero"`
	Result   hidden `json:"result,omitzero"`
	Metadata hidden `json:"metadata,omitzero"`
}

type hidden struct{}

// AppendTaskResult appends the JSON of r to dst, its result byte for byte.
func AppendTaskResult(dst []byte, r *ha.TaskResult) []byte {
	dst = rawjson.AppendQuoted(append(dst, `{"id":`...), string(r.ID))
	dst = rawjson.AppendQuoted(append(dst, `,"kind":`...), r.Kind)
	dst = rawjson.AppendQuoted(append(dst, `,"pool":`...), r.Pool)
	dst = rawjson.AppendRaw(dst, `,"result":`, r.Result)
	dst = r.EndedAt.AppendFormat(append(dst, `,"ended_at":"`...), time.RFC3339Nano)
	return append(dst, `"}`...)
}

// AppendPulled appends the JSON of p to dst, its results byte for byte.
func AppendPulled(dst []byte, p Pulled) []byte {
	dst = append(dst, `{"results":[`...)
	for i := range p.Results {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendTaskResult(dst, &p.Results[i])
	}
	return append(dst, `]}`...)
}

// marshal is [json.Marshal] without the escapes that it makes for the sake of HTML.
func marshal(message any) ([]byte, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(message); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(body.Bytes(), []byte{'\n'}), nil
}
