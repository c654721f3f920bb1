package subjects

import (
	"encoding/json"
	"reflect"
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// HeaderStrict is the header of a request that is to be refused if it has a field which
// the dispatcher does not know. Its value is then "true".
const HeaderStrict = "Ha-Strict"

// CheckNames refuses a body of the request that has a field which the request does not
// have, at any depth; see [HeaderStrict]. What else is wrong is for its decoder to say. The
// error is an [*ha.Error].
func (r Request) CheckNames(body []byte) error {
	t := r.Forms[0].Request
	if b := rawjson.SkipBlanks(body); len(b) > 0 && b[0] == '[' {
		i := slices.IndexFunc(r.Forms, func(f Form) bool { return f.Request.Kind() == reflect.Slice })
		if i < 0 {
			return nil
		}
		t = r.Forms[i].Request
	}
	return checkNamesOf(t, body)
}

func checkNamesOf(t reflect.Type, body []byte) error {
	if len(body) > MaxBody {
		return nil
	}
	unknown, found := shapes[t].Unknown(body)
	if !found {
		return nil
	}
	meant := ""
	if near, ok := text.Nearest(unknown.Name, unknown.Known); ok {
		meant = ", did you mean \"" + near + "\"?"
	}
	return ha.Invalid("unknown_field", "there is no field %s%s", Quote(unknown.Path), meant)
}

var taskType = reflect.TypeFor[ha.TaskSpec]()

// DecodeSubmitStrict is [DecodeSubmit] for a request with [HeaderStrict]: of an array, the
// tasks that have fields which no task has are refused.
func DecodeSubmitStrict(body []byte) (list []Submission, many bool, err error) {
	list, many, err = DecodeSubmit(body)
	if !many {
		if unknown := checkNamesOf(taskType, body); unknown != nil && json.Valid(body) {
			return nil, false, unknown
		}
		return list, many, err
	}
	var raw []json.RawMessage
	if err != nil || json.Unmarshal(body, &raw) != nil {
		return list, many, err
	}
	for i := range list {
		if unknown := checkNamesOf(taskType, raw[i]); unknown != nil {
			list[i] = refusedTask(unknown)
		}
	}
	return list, many, nil
}

// UnmarshalTask decodes a task as it is submitted, by itself, into s: what the JSON leaves
// out stays as it is. strict refuses fields that no task has. It does not validate the
// task; [PrepareTask] does. The error is an [*ha.Error].
func UnmarshalTask(body []byte, s *ha.TaskSpec, strict bool) error {
	w := taskWire{TaskSpec: *s, RunAt: wireTime{s.RunAt}, ExpiresAt: wireTime{s.ExpiresAt}}
	if strict && json.Valid(body) {
		if err := checkNamesOf(taskType, body); err != nil {
			return err
		}
	}
	err := decodeTaskInto(body, &w)
	*s = *w.spec()
	return err
}
