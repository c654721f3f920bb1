package subjects

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

func requestNamed(t *testing.T, name string) Request {
	t.Helper()
	for _, r := range requests {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("there is no request %s", name)
	return Request{}
}

func TestCheckNames(t *testing.T) {
	for _, c := range []struct{ request, body, want string }{
		{"hello", `{"weight":3,"name":"n"}`, ""}, {"hello", `{"wieght":3}`, `there is no field "wieght", did you mean "weight"?`},
		{"task-get", ``, ""}, {"task-get", `{"Id":"t"}`, `there is no field "Id", did you mean "id"?`},
		{"available", `{"finished":[{"activation":"a","result":{"x":1}},{"outcom":"done"}]}`, `there is no field "finished[1].outcom", did you mean "outcome"?`},
		{"task-batch", `{"name":"b","then":{"kind":"k","retry":{"facter":2}}}`, `there is no field "then.retry.facter", did you mean "factor"?`},
		{"task-submit", fullTask, ""}, {"task-submit", `[` + fullTask + `,{"delay_ms":5}]`, ""}, {"task-submit", `[{},{"steps":[{"kin":"x"}]}]`, `there is no field "[1].steps[0].kin", did you mean "kind"?`},
		{"status", `{}`, ""}, {"status", `{"verbose":true}`, `there is no field "verbose"`}, {"task-retry", `[{"x":1}]`, ""},
	} {
		err := requestNamed(t, c.request).CheckNames([]byte(c.body))
		refusal, _ := errors.AsType[*ha.Error](err)
		if (err == nil) != (c.want == "") || err != nil && (refusal == nil || refusal.Code != "unknown_field" || refusal.Status != 400 || refusal.Message != c.want) {
			t.Errorf("%s %s: got %v, want %s", c.request, c.body, err, c.want)
		}
	}
}

// TestDecodeSubmitStrict refuses tasks with unknown fields, one by one, and is else as
// DecodeSubmit.
func TestDecodeSubmitStrict(t *testing.T) {
	for _, seed := range submitSeeds() {
		if requestNamed(t, "task-submit").CheckNames([]byte(seed)) != nil {
			continue
		}
		list, many, err := DecodeSubmit([]byte(seed))
		strict, manyStrict, errStrict := DecodeSubmitStrict([]byte(seed))
		if many != manyStrict || !reflect.DeepEqual(list, strict) || (err == nil) != (errStrict == nil) {
			t.Errorf("%s\nstrict %+v, %t, %v\nelse   %+v, %t, %v", seed, strict, manyStrict, errStrict, list, many, err)
		}
	}
	for body, want := range map[string]string{
		`{"kind":"k","prioritty":5}`: "unknown_field", `{"knid":"k"}`: "unknown_field", `{"kind":"k","x":1`: "invalid_json", `{"kind":"","pool":"p"}`: "invalid_kind",
	} {
		_, many, err := DecodeSubmitStrict([]byte(body))
		if refusal, ok := errors.AsType[*ha.Error](err); !ok || refusal.Code != want || many {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
	list, many, err := DecodeSubmitStrict([]byte(`[{"kind":"a"},{"kind":"b","x":1}, {"kind":"c","labels":{"x":"y"}},{"knid":"d"},{"kind":""}]`))
	if err != nil || !many || len(list) != 5 {
		t.Fatalf("got %d, %t, %v", len(list), many, err)
	}
	for i, want := range []string{"", "unknown_field", "", "unknown_field", "invalid_kind"} {
		if got := list[i]; (got.Err == nil) != (want == "") || got.Err != nil && got.Err.Code != want || (got.Err == nil) != (got.Spec != nil) {
			t.Errorf("entry %d is %+v, %v; want %q", i, got.Spec, got.Err, want)
		}
	}
}

// TestUnmarshalTask: what the JSON leaves out stays as it is, and its names match exactly.
func TestUnmarshalTask(t *testing.T) {
	base := ha.TaskSpec{Kind: "k", Priority: 3, Labels: map[string]string{"a": "1"}, Retry: &ha.Retry{MaxAttempts: 5}}
	s := base
	err := UnmarshalTask([]byte(` {"PRIORITY":9,"id":"t","run_at":"2030-01-02t03:04:05z","retry":{"factor":2,"Factor":3},"labels":{"b":"2"}} `), &s, false)
	want := ha.TaskSpec{ID: "t", Kind: "k", Priority: 3, RunAt: s.RunAt, Labels: map[string]string{"a": "1", "b": "2"}, Retry: &ha.Retry{MaxAttempts: 5, Factor: 2}}
	if err != nil || !reflect.DeepEqual(s, want) || s.RunAt.Year() != 2030 {
		t.Errorf("got %+v, %v\nwant %+v", s, err, want)
	}
	for body, code := range map[string]string{
		`{"PRIORITY":9}`: "unknown_field", `{"priority":"9"}`: "invalid_type", `{"x":1} y`: "invalid_json", `x`: "invalid_json", `[]`: "invalid_json", `{"labels":{"a":"\ud800"}}`: "invalid_labels",
		`{"x":"` + strings.Repeat("x", MaxBody) + `"}`: "body_too_large", "{\"x\":\"\xff\"}": "unknown_field", "{\"id\":\"\xff\"}": "invalid_utf8",
	} {
		s := base
		if refusal, ok := errors.AsType[*ha.Error](UnmarshalTask([]byte(body), &s, true)); !ok || refusal.Code != code {
			t.Errorf("%.100s: got %v, want %s", body, refusal, code)
		}
	}
}
