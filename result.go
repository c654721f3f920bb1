package ha

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// ErrBadResult is for the result of a task that is not of the type that was asked for.
// The task itself completed.
var ErrBadResult = errors.New("bad result")

// DecodeResult decodes the result of a task, as a [TaskRecord], a [TaskResult] or an
// [Upstream] has it, into a T as [json.Unmarshal] does. A task without a result has the
// zero T; so has one whose result is null, unless T says something else of null. The
// error matches [ErrBadResult] and that of encoding/json, and comes with the zero T.
func DecodeResult[T any](raw json.RawMessage) (T, error) {
	var result, zero T
	if len(raw) == 0 {
		return zero, nil
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return zero, fmt.Errorf("%w: it is no %s: %w", ErrBadResult, reflect.TypeFor[T](), err)
	}
	return result, nil
}
