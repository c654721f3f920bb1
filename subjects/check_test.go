package subjects

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

func TestNestingIsBounded(t *testing.T) {
	nested := func(n int, inner string) json.RawMessage {
		return json.RawMessage(strings.Repeat("[", n) + inner + strings.Repeat("]", n))
	}
	objects := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))
	}
	long := strings.Repeat("x", 3*MaxNesting)
	for _, c := range []struct {
		name string
		raw  json.RawMessage
		ok   bool
	}{
		{"none", nil, true},
		{"just deep enough", nested(MaxNesting, ""), true},
		{"one too deep", nested(MaxNesting+1, ""), false},
		{"just deep enough, and long", nested(MaxNesting, `"`+long+`"`), true},
		{"one too deep, and long", nested(MaxNesting+1, `"`+long+`"`), false},
		{"objects", objects(MaxNesting), true},
		{"objects too deep", objects(MaxNesting + 1), false},
		{"wide", json.RawMessage("[" + strings.Repeat("[],", 3*MaxNesting) + "{}]"), true},
		{"brackets that are text", json.RawMessage(`["` + strings.Repeat(`[{`, 3*MaxNesting) + `"]`), true},
		{"brackets behind quotes that are text", json.RawMessage(`["` + strings.Repeat(`\"[`, 3*MaxNesting) + `\\"]`), true},
		{"brackets behind a backslash that is text", json.RawMessage(`["\\",` + string(nested(MaxNesting, "")) + "]"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.raw) > 0 && !json.Valid(c.raw) {
				t.Fatal("the test itself is wrong: no JSON")
			}
			_, one := DecodeBatch([]byte(`{"name":"b","then":{"kind":"k","payload":` + string(orNull(c.raw)) + `}}`))
			_, report := DecodeAvailable([]byte(`{"finished":[{"activation":"a","outcome":"done","result":` + string(orNull(c.raw)) + `}]}`))
			for code, err := range map[string]error{
				"invalid_payload":  CheckTask(&ha.TaskSpec{Kind: "k", Payload: c.raw}),
				"invalid_metadata": CheckTask(&ha.TaskSpec{Kind: "k", Metadata: c.raw}),
				"invalid_result":   CheckResult(c.raw),
			} {
				checkNested(t, err, code, c.ok)
			}
			checkNested(t, one, "invalid_payload", c.ok)
			checkNested(t, report, "invalid_result", c.ok)
		})
	}
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

func checkNested(t *testing.T, err error, code string, ok bool) {
	t.Helper()
	var refusal *ha.Error
	if ok != (err == nil) || !ok && (!errors.As(err, &refusal) || refusal.Code != code || refusal.Status != 400) {
		t.Errorf("%s: got %v, want it accepted: %t", code, err, ok)
	}
}

// TestCheckResult holds what a worker may report to what a dispatcher accepts.
func TestCheckResult(t *testing.T) {
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	checkRefused(t, func(b []byte) error { return CheckResult(b) }, []refused{
		{"too long", text(ha.MaxPayload + 1), 413, "result_too_large", "a result may be at most 262144 bytes, got 262145"},
		{"blanks alone", " ", 400, "invalid_result", `a result must be JSON, got " "`},
		{"text", "done", 400, "invalid_result", `a result must be JSON, got "done"`},
		{"two values", "1 2", 400, "invalid_result", `a result must be JSON, got "1 2"`},
		{"no UTF-8", "\"\xff\xfe\"", 400, "invalid_result", `a result must be JSON, got "\"?\""`},
		{"long text of two lines", strings.Repeat("x\n", 1000), 400, "invalid_result", `a result must be JSON, got "` + strings.Repeat(`x\n`, 40) + `"… (2000 bytes)`},
		{"brackets that never close", strings.Repeat("[", 5000), 400, "invalid_result", ""},
		{"brackets that never open", strings.Repeat("]", 5000), 400, "invalid_result", ""},
	})
	for _, good := range []string{"", "null", "0", ` {"a":1} `, text(ha.MaxPayload), strings.Repeat("[", 100) + strings.Repeat("]", 100)} {
		if err := CheckResult(json.RawMessage(good)); err != nil {
			t.Errorf("CheckResult(%.40s) = %v", good, err)
		}
	}
}
