package ha_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/seed261fe303/ha"
)

type thumbnail struct {
	Width int    `json:"width"`
	Path  string `json:"path"`
}

// checkResult wants raw to be decoded to want, or to be refused as bad, with nothing of
// it in the result.
func checkResult[T any](t *testing.T, raw string, want T, bad bool) {
	t.Helper()
	got, err := ha.DecodeResult[T](json.RawMessage(raw))
	if !reflect.DeepEqual(got, want) || bad != (err != nil) || bad && !errors.Is(err, ha.ErrBadResult) {
		t.Errorf("DecodeResult[%T](%s) = %+v, %v; want %+v, bad: %t", want, raw, got, err, want, bad)
	}
}

func TestDecodeResult(t *testing.T) {
	checkResult(t, `{"width":80,"path":"a.png"}`, thumbnail{80, "a.png"}, false)
	checkResult(t, `{"width":80,"path":7}`, thumbnail{}, true)
	checkResult(t, `{"width":80`, thumbnail{}, true)
	checkResult(t, `{"width":80} x`, thumbnail{}, true)
	checkResult(t, `"a.png"`, thumbnail{}, true)
	checkResult(t, ``, thumbnail{}, false)
	checkResult(t, `null`, thumbnail{}, false)
	checkResult(t, `{"width":1}`, &thumbnail{Width: 1}, false)
	checkResult(t, `null`, (*thumbnail)(nil), false)
	checkResult(t, `[1,2]`, []int{1, 2}, false)
	checkResult(t, `[1,"2"]`, []int(nil), true)
	checkResult(t, ` 12345678901234567890 `, json.RawMessage(`12345678901234567890`), false)
	checkResult(t, `1.5`, 0, true)

	_, err := ha.DecodeResult[int](json.RawMessage(`"x"`))
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
		t.Errorf("%v does not say what encoding/json found", err)
	}
}

// TestBadResultNamesTheType also if it is an interface, whose zero value has none.
func TestBadResultNamesTheType(t *testing.T) {
	_, err := ha.DecodeResult[error](json.RawMessage(`"x"`))
	if err == nil || !strings.Contains(err.Error(), "it is no error: ") {
		t.Errorf("DecodeResult[error] = %v", err)
	}
	_, err = ha.DecodeResult[*thumbnail](json.RawMessage(`"x"`))
	if err == nil || !strings.Contains(err.Error(), "it is no *ha_test.thumbnail: ") {
		t.Errorf("DecodeResult[*thumbnail] = %v", err)
	}
}
