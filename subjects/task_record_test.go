package subjects

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// odd are JSON values that encoding/json would write another way.
var odd = []string{`{"a": [1,  2.50, 1e2],	"b" : "<&>"}`, "[\n  1\r\n]", `"\u003c\u2028\/` + "\u2028" + `"`, `{"a":1,"a":2}`, `-0.0`, `[ ]`}

// TestARecordPassesOnWhatWasSubmittedByteForByte, and all else as encoding/json would.
func TestARecordPassesOnWhatWasSubmittedByteForByte(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 600, time.UTC)
	full := ha.TaskRecord{Progress: &ha.Progress{Percent: 5, Text: "<", At: at}, Steps: []ha.StepRecord{{Kind: "s", State: ha.TaskFailed, Error: "<\n>"}}}
	fill(reflect.ValueOf(&full).Elem())
	for _, raw := range odd {
		for _, r := range []ha.TaskRecord{{}, {ID: "t", Kind: "k", State: ha.TaskCompleted, SubmittedAt: at}, full} {
			r.Payload, r.Result, r.Metadata = json.RawMessage(raw), json.RawMessage(raw), json.RawMessage(raw)
			body, err := EncodeReply(r)
			if err != nil || strings.Count(string(body), raw) != 3 {
				t.Fatalf("%q is not in it three times: %s, %v", raw, body, err)
			}
			var got ha.TaskRecord
			if err := DecodeReply("", body, &got); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("%s\n got %+v, %v\nwant %+v", body, got, err, r)
			}
			checkSameJSON(t, body, r)
		}
		p := Pulled{Results: []ha.TaskResult{{ID: "t", Kind: "k", Pool: "p", Result: json.RawMessage(raw), EndedAt: at}, {ID: "u", EndedAt: at.Add(1)}}}
		body, err := EncodeReply(p)
		var got Pulled
		if err != nil || DecodeReply("", body, &got) != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", body, got, err, p)
		}
		checkSameJSON(t, body, p)
		one, err := EncodeReply(p.Results[0])
		if err != nil || !strings.Contains(string(body), string(one)) {
			t.Errorf("%s alone is %s, %v", body, one, err)
		}
	}
	if body, err := EncodeReply(Pulled{}); err != nil || string(body) != `{"results":[]}` {
		t.Errorf("no results are %s, %v", body, err)
	}
}

// fill sets what is empty in a struct: texts and numbers to something, lists to one entry.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case !f.IsZero():
		case f.Kind() == reflect.String:
			f.SetString("x-" + fmt.Sprint(i))
		case f.CanInt():
			f.SetInt(int64(i + 1))
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(time.Unix(int64(i), 5).UTC()))
		case f.Type() == reflect.TypeFor[[]ha.TaskID]():
			f.Set(reflect.ValueOf([]ha.TaskID{"x"}))
		case f.Type() == reflect.TypeFor[map[string]string]():
			f.Set(reflect.ValueOf(map[string]string{"x": "<"}))
		}
	}
}

// checkSameJSON wants body to have the fields that encoding/json gives message, with the
// same values.
func checkSameJSON(t *testing.T, body []byte, message any) {
	t.Helper()
	want, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(value(body), value(want)) {
		t.Errorf("by hand %s\nby json %s", body, want)
	}
}
