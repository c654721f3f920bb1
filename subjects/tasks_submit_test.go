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

func submit(b []byte) error { _, _, err := DecodeSubmit(b); return err }

func TestBadSubmissions(t *testing.T) {
	checkRefused(t, submit, []refused{
		{"nothing", ``, 400, "invalid_json", "body must be a JSON object, got an empty one"},
		{"text", `hello`, 400, "invalid_json", `body must be a JSON object, got "hello"`},
		{"cut off", `[{"kind":"a"}`, 400, "invalid_json", "body must be a JSON object: unexpected end of JSON input (byte 13)"},
		{"trailing comma", `[{"kind":"a"},]`, 400, "invalid_json", ""},
		{"trailing garbage", `[{"kind":"a"}] x`, 400, "invalid_json", ""},
		{"two bodies", `{"kind":"a"}{"kind":"b"}`, 400, "invalid_json", ""},
		{"no-break space", "\u00a0{\"kind\":\"a\"}", 400, "invalid_json", ""},
		{"vertical tab behind", "[{\"kind\":\"a\"}]\v", 400, "invalid_json", ""},
		{"invalid UTF-8 in one of them", "[{\"kind\":\"a\"},{\"kind\":\"b\",\"payload\":\"\xff\"}]", 400, "invalid_utf8", "body must be UTF-8"},
		{"deep nesting", strings.Repeat("[", 200_000), 400, "invalid_json", "body must be a JSON object: nested more than 10000 levels deep (byte 10001)"},
		{"10,001 tasks", list(MaxSubmit+1, `{"kind":"a"}`), 413, "too_many_tasks", "one submission may hold at most 10000 tasks, got 10001"},
		{"10,001 that are no tasks", list(MaxSubmit+1, `1`), 413, "too_many_tasks", "one submission may hold at most 10000 tasks, got 10001"},
		{"5 MB", `{"kind":"a","payload":"` + strings.Repeat("x", 5<<20) + `"}`, 413, "body_too_large", "body may be at most 1048576 bytes, got 5242905"},
		{"5 MB of tasks", list(5<<20/12, `{"kind":"a"}`), 413, "body_too_large", ""},
	})
}

// TestBadTasks: the same task is refused the same way alone and among others,
// which it takes nothing from.
func TestBadTasks(t *testing.T) {
	with := func(rest string) string { return `{"kind":"a",` + rest + `}` }
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	const timeWords = `a time must be written like "2006-01-02T15:04:05Z", `
	cases := []refused{
		{"null", `null`, 400, "invalid_json", "body must be a JSON object, got null"},
		{"a number", `7`, 400, "invalid_json", "body must be a JSON object, got 7"},
		{"nothing in it", `{}`, 400, "invalid_kind", "kind must be " + rule + `, got ""`},
		{"empty kind", `{"kind":""}`, 400, "invalid_kind", "kind must be " + rule + `, got ""`},
		{"null kind", `{"kind":null}`, 400, "invalid_kind", "kind must be " + rule + `, got ""`},
		{"kind no token", `{"kind":"a b"}`, 400, "invalid_kind", "kind must be " + rule + `, got "a b"`},
		{"long kind of two lines", `{"kind":"` + strings.Repeat(`x\n`, 40_000) + `"}`, 400, "invalid_kind", "kind must be " + rule + `, got "` + strings.Repeat(`x\n`, 40) + `"… (80000 bytes)`},
		{"kind a number", `{"kind":5}`, 400, "invalid_type", "kind must be a string, got a JSON number"},
		{"kind beside steps", `{"kind":"a b","steps":[{"kind":"a"}]}`, 400, "invalid_kind", ""},
		{"id", with(`"id":"a.b"`), 400, "invalid_id", "id must be " + rule + `, got "a.b"`},
		{"long id", with(`"id":"` + strings.Repeat("x", 65) + `"`), 400, "invalid_id", ""},
		{"pool", with(`"pool":"*"`), 400, "invalid_pool", "pool must be " + rule + `, got "*"`},
		{"unique key", with(`"unique_key":"a b"`), 400, "invalid_unique_key", ""},
		{"concurrency key", with(`"concurrency_key":"é"`), 400, "invalid_concurrency_key", "concurrency_key must be " + rule + `, got "é"`},
		{"batch", with(`"batch":">"`), 400, "invalid_batch", ""},
		{"after batch", with(`"after_batch":"a.b"`), 400, "invalid_after_batch", ""},
		{"after its own batch", with(`"batch":"b","after_batch":"b"`), 400, "invalid_after_batch", "a task of the batch b cannot come after it"},

		{"payload over 256 KiB", with(`"payload":` + text(ha.MaxPayload+1)), 413, "payload_too_large", "payload may be at most 262144 bytes, got 262145"},
		{"metadata over 16 KiB", with(`"metadata":` + text(ha.MaxMetadata+1)), 413, "metadata_too_large", "metadata may be at most 16384 bytes, got 16385"},
		{"payload nested deep", with(`"payload":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001)), 400, "invalid_payload", "payload may be nested at most 1000 levels deep"},

		{"priority over", with(`"priority":1001`), 400, "invalid_priority", "priority must be a whole number from -1000 to 1000, got 1001"},
		{"priority under", with(`"priority":-1001`), 400, "invalid_priority", "priority must be a whole number from -1000 to 1000, got -1001"},
		{"priority a fraction", with(`"priority":1.5`), 400, "invalid_type", "priority must be a whole number, written without fraction or exponent, got a JSON number 1.5"},
		{"priority a whole fraction", with(`"priority":1.0`), 400, "invalid_type", "priority must be a whole number, written without fraction or exponent, got a JSON number 1.0"},
		{"priority with exponent", with(`"priority":1e2`), 400, "invalid_type", ""},
		{"priority beyond 64 bits", with(`"priority":18446744073709551617`), 400, "invalid_type", ""},
		{"long priority", with(`"priority":` + strings.Repeat("1", 100_000)), 400, "invalid_type", ""},
		{"negative timeout", with(`"timeout_ms":-1`), 400, "invalid_timeout", "timeout_ms must be from 1 to 2592000000, got -1"},
		{"timeout over 30 days", with(`"timeout_ms":2592000001`), 400, "invalid_timeout", "timeout_ms must be from 1 to 2592000000, got 2592000001"},
		{"timeout a fraction", with(`"timeout_ms":0.5`), 400, "invalid_type", ""},
		{"timeout a string", with(`"timeout_ms":"5s"`), 400, "invalid_type", "timeout_ms must be a whole number, written without fraction or exponent, got a JSON string"},

		{"names in capitals", `{"KIND":"a"}`, 400, "invalid_kind", "kind must be " + rule + `, got ""`},
		{"the first second", with(`"run_at":"0001-01-01T00:00:00Z"`), 400, "invalid_run_at", "run_at must be from the year 1970 to 2261, got 1"},
		{"the first second, elsewhere", with(`"expires_at":"0001-01-01T07:00:00+07:00"`), 400, "invalid_expires_at", "expires_at must be from the year 1970 to 2261, got 1"},
		{"it expires before", with(`"run_at":"2030-01-02T03:04:05Z","expires_at":"2030-01-02T03:04:04Z"`), 400, "invalid_expires_at", "expires_at must be after run_at, or the task would never run: it is 2030-01-02T03:04:04Z, and run_at is 2030-01-02T03:04:05Z"},
		{"it expires at once", with(`"run_at":"2030-01-02T03:04:05Z","expires_at":"2030-01-02T04:04:05+01:00"`), 400, "invalid_expires_at", ""},
		{"delay and run_at", with(`"run_at":"2030-01-02T03:04:05Z","delay_ms":5`), 400, "invalid_delay", "delay_ms and run_at cannot be given together: both say when the task is to run"},
		{"negative delay", with(`"delay_ms":-1`), 400, "invalid_delay", "delay_ms must be from 1 to 31622400000, got -1"},
		{"long delay", with(`"delay_ms":31622400001`), 400, "invalid_delay", "delay_ms must be from 1 to 31622400000, got 31622400001"},
		{"half a pair in the payload", with(`"payload":["a","\ud800"]`), 400, "invalid_payload", `payload must be text that can be read: byte 7 of it, \ud800, is half of a surrogate pair, and no character`},
		{"the other half in the metadata", with(`"metadata":{"\uDC00":1}`), 400, "invalid_metadata", `metadata must be text that can be read: byte 3 of it, \uDC00, is half of a surrogate pair, and no character`},
		{"two first halves in a label", with(`"labels":{"x":"\ud83d\ud83d\ude00"}`), 400, "invalid_labels", `labels must be text that can be read: byte 7 of it, \ud83d, is half of a surrogate pair, and no character`},
		{"the first labels of two", with(`"labels":{"x":"\ud800"},"labels":{"y":""}`), 400, "invalid_labels", ""},
		{"year 0", with(`"run_at":"0000-01-01T00:00:00Z"`), 400, "invalid_run_at", "run_at must be from the year 1970 to 2261, got 0"},
		{"year 1", with(`"run_at":"0001-01-01T00:00:01Z"`), 400, "invalid_run_at", "run_at must be from the year 1970 to 2261, got 1"},
		{"year 9999", with(`"expires_at":"9999-12-31T23:59:59Z"`), 400, "invalid_expires_at", "expires_at must be from the year 1970 to 2261, got 9999"},
		{"year 2262", with(`"run_at":"2262-01-01T00:00:00Z"`), 400, "invalid_run_at", "run_at must be from the year 1970 to 2261, got 2262"},
		{"1970 only where the sun rises", with(`"run_at":"1970-01-01T00:00:00+14:00"`), 400, "invalid_run_at", "run_at must be from the year 1970 to 2261, got 1969"},
		{"2261 only where it sets", with(`"run_at":"2261-12-31T23:00:00-05:00"`), 400, "invalid_run_at", "run_at must be from the year 1970 to 2261, got 2262"},
		{"no time", with(`"run_at":"tomorrow"`), 400, "invalid_time", timeWords + `got "tomorrow"`},
		{"a date", with(`"expires_at":"2030-01-02"`), 400, "invalid_time", timeWords + `got "2030-01-02"`},
		{"long no time", with(`"run_at":"` + strings.Repeat("x", 500_000) + `"`), 400, "invalid_time", timeWords + `got "` + strings.Repeat("x", 80) + `"… (500000 bytes)`},
		{"no such zone", with(`"run_at":"2030-01-02T03:04:05+99:00"`), 400, "invalid_time", ""},
		{"time a number", with(`"run_at":1893553445`), 400, "invalid_time", timeWords + "as a string"},
		{"time an object of two lines", with("\"run_at\":{\"a\":\n1}"), 400, "invalid_time", timeWords + "as a string"},

		{"1001 after", with(`"after":` + list(1001, `"t"`)), 413, "too_many_after", "after may list at most 1000 tasks, got 1001"},
		{"after itself", with(`"id":"t1","after":["t0","t1"]`), 400, "invalid_after", "task t1 cannot come after itself"},
		{"after no token", with(`"after":["t0",""]`), 400, "invalid_after", "after[1] must be " + rule + `, got ""`},
		{"after a number", with(`"after":[5]`), 400, "invalid_type", "each entry of after must be a string, got a JSON number"},
		{"after a string", with(`"after":"t0"`), 400, "invalid_type", "after must be an array, got a JSON string"},
		{"upstream failure", with(`"on_upstream_failure":"skip"`), 400, "invalid_on_upstream_failure", `on_upstream_failure must be "fail" or "run", got "skip"`},

		{"33 steps", `{"steps":` + list(33, `{"kind":"s"}`) + `}`, 413, "too_many_steps", "a task may have at most 32 steps, got 33"},
		{"step without kind", `{"steps":[{"kind":"s"},{}]}`, 400, "invalid_steps", "steps[1].kind must be " + rule + `, got ""`},
		{"step with a negative timeout", `{"steps":[{"kind":"s","timeout_ms":-5}]}`, 400, "invalid_timeout", "steps[0].timeout_ms must be from 1 to 2592000000, got -5"},
		{"step with a bad retry", `{"steps":[{"kind":"s","retry":{"max_attempts":-1}}]}`, 400, "invalid_retry", "steps[0].retry.max_attempts must be from 1 to 1000, got -1"},
		{"step a string", `{"steps":["s"]}`, 400, "invalid_type", "each entry of steps must be an object, got a JSON string"},
		{"no steps and no kind", `{"steps":[]}`, 400, "invalid_kind", ""},

		{"1001 attempts", with(`"retry":{"max_attempts":1001}`), 400, "invalid_retry", "retry.max_attempts must be from 1 to 1000, got 1001"},
		{"negative backoff", with(`"retry":{"backoff_ms":-1}`), 400, "invalid_retry", "retry.backoff_ms must be from 1 to 2592000000, got -1"},
		{"long backoff", with(`"retry":{"max_backoff_ms":2592000001}`), 400, "invalid_retry", "retry.max_backoff_ms must be from 1 to 2592000000, got 2592000001"},
		{"factor below 1", with(`"retry":{"factor":0.9}`), 400, "invalid_retry", "retry.factor must be from 1 to 100, got 0.9"},
		{"factor over 100", with(`"retry":{"factor":100.5}`), 400, "invalid_retry", "retry.factor must be from 1 to 100, got 100.5"},
		{"jitter over 1", with(`"retry":{"jitter":1.1}`), 400, "invalid_retry", "retry.jitter must be from 0 to 1, or negative for none, got 1.1"},
		{"lost", with(`"retry":{"max_lost":-2}`), 400, "invalid_retry", "retry.max_lost must be from 0 to 1000, or -1 for none, got -2"},
		{"endless factor", with(`"retry":{"factor":1e400}`), 400, "invalid_type", "retry.factor must be a number within ±1.7e308, got a JSON number 1e400"},
		{"retry a number", with(`"retry":3`), 400, "invalid_type", "retry must be an object, got a JSON number"},

		{"33 labels", with(`"labels":{` + labels(33) + `}`), 413, "too_many_labels", "a task may have at most 32 labels, got 33"},
		{"label without name", with(`"labels":{"":"x"}`), 400, "invalid_labels", "names of labels must be " + rule + `, got ""`},
		{"labels are judged in order", with(`"labels":{"z z":"","b":"` + strings.Repeat("x", 257) + `","y y":""}`), 413, "label_too_large", "the value of a label may be at most 256 bytes, that of b has 257"},
		{"label a number", with(`"labels":{"x":5}`), 400, "invalid_type", "each value of labels must be a string, got a JSON number"},
		{"labels an array", with(`"labels":["x"]`), 400, "invalid_type", "labels must be an object, got a JSON array"},
		{"partial 1", with(`"partial":1`), 400, "invalid_type", "partial must be true or false, got a JSON number"},
	}
	t.Run("alone", func(t *testing.T) { checkRefused(t, submit, cases) })
	t.Run("among others", func(t *testing.T) {
		checkRefused(t, func(b []byte) error {
			good, odd := `{"kind":"good","payload":1}`, `{ "kind" : "odd" }`
			list, many, err := DecodeSubmit([]byte(`[` + good + `,` + string(b) + `,` + odd + `]`))
			if err != nil || !many || len(list) != 3 {
				t.Fatalf("%.100s refuses all: %v", b, err)
			}
			for i, kind := range map[int]string{0: "good", 2: "odd"} {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					if list[i].Err != nil || list[i].Spec.Kind != kind {
						t.Errorf("beside %.100s entry %d is %+v, %v", b, i, list[i].Spec, list[i].Err)
					}
				})
			}
			return list[1].Err
		}, cases)
	})
}

func labels(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"l%d":""`, i)
	}
	return strings.Join(all, ",")
}

// TestTasksUpToTheLimits are accepted, alone and in an array, and whoever reads them.
func TestTasksUpToTheLimits(t *testing.T) {
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	for name, body := range map[string]string{
		"payload": `{"kind":"a","payload":` + text(ha.MaxPayload) + `}`, "metadata": `{"kind":"a","metadata":` + text(ha.MaxMetadata) + `}`,
		"after": `{"kind":"a","after":` + list(ha.MaxAfter, `"t"`) + `}`, "steps": `{"steps":` + list(ha.MaxSteps, `{"kind":"s"}`) + `}`,
		"labels": `{"kind":"a","labels":{` + labels(ha.MaxLabels) + `}}`, "label": `{"kind":"a","labels":{"x":` + text(ha.MaxLabelValue+2) + `}}`,
		"numbers":  `{"kind":"a","priority":-1000,"timeout_ms":2592000000,"retry":{"max_attempts":1000,"factor":100,"jitter":1,"max_lost":1000,"backoff_ms":2592000000}}`,
		"zeros":    `{"kind":"a","priority":0,"timeout_ms":0,"retry":{"max_attempts":0,"factor":0,"jitter":0,"max_lost":-1,"backoff_ms":0},"after":[],"steps":[],"labels":{}}`,
		"times":    `{"kind":"a","run_at":"1970-01-01T00:00:00Z","expires_at":"2261-12-31T23:59:59.999999999Z"}`,
		"zones":    `{"kind":"a","run_at":"1969-12-31T23:00:00-01:00","expires_at":"2262-01-01T00:00:00+00:01"}`,
		"no times": `{"kind":"a","run_at":"","expires_at":null}`,
		"token":    `{"kind":"` + strings.Repeat("a", ha.MaxToken) + `"}`, "a pair": `{"kind":"a","payload":"\ud83d\ude00","labels":{"x":"\ud83d\ude00\ud83d\ude00"},"metadata":["\\ud800"]}`, "delay": `{"kind":"a","delay_ms":31622400000}`,
		"full": strings.Replace(fullTask, "größe", "size", 1),
	} {
		t.Run(name, func(t *testing.T) {
			checkSubmit(t, []byte(body))
			one, errOne := submitOne([]byte(body))
			list, many, err := DecodeSubmit([]byte(" [" + body + ", " + body + "]"))
			if errOne != nil || err != nil || !many || len(list) != 2 {
				t.Errorf("%s: %v, %v", name, errOne, err)
				return
			}
			for _, entry := range list {
				if entry.Err != nil || !reflect.DeepEqual(*entry.Spec, one) {
					t.Errorf("%s: in an array %+v, %v; alone %+v", name, entry.Spec, entry.Err, one)
				}
			}
		})
	}
	got, many, err := DecodeSubmit([]byte(list(MaxSubmit, `{"kind":"a"}`)))
	if err != nil || !many || len(got) != MaxSubmit || got[MaxSubmit-1].Spec.Kind != "a" {
		t.Errorf("%d tasks: got %d, %t, %v", MaxSubmit, len(got), many, err)
	}
	if got, many, err := DecodeSubmit([]byte("[ ]")); err != nil || !many || len(got) != 0 {
		t.Errorf("no tasks: got %d, %t, %v", len(got), many, err)
	}
}

// TestATaskIsWhatItsFieldsSay, in whichever order, and however they are written.
func TestATaskIsWhatItsFieldsSay(t *testing.T) {
	for body, want := range map[string]ha.TaskSpec{
		`{"kind":"a"}`:                                             {Kind: "a"},
		"\r\n\t {\"kind\":\"a\"} \n":                               {Kind: "a"},
		`{"kind":"a","KIND":"b","Timeout_MS":5}`:                   {Kind: "a"},
		`{"Kind":"b","kind":"a","\u017fteps":[{"kind":"s"}]}`:      {Kind: "a"},
		`{"kind":"a","ſteps":[{"kind":"s"}],"\u212aind":"c"}`:      {Kind: "a"},
		`{"kind":"a","retry":{"factor":2,"Factor":3}}`:             {Kind: "a", Retry: &ha.Retry{Factor: 2}},
		`{"\u006bind":"a","delay_ms":5}`:                           {Kind: "a", Delay: 5},
		`{"steps":[{"kind":"a","KIND":"b"}]}`:                      {Steps: []ha.Step{{Kind: "a"}}},
		`{"kind":"a","run_at":"2030-01-02T03:04:05Z","run_at":""}`: {Kind: "a"},
		`{"kind":"b","kind":"a"}`:                                  {Kind: "a"},
		`{"kind":"a","kind":null}`:                                 {Kind: "a"},
		`{"priority":7,"batch":"b","id":"t","kind":"a"}`:           {ID: "t", Kind: "a", Priority: 7, Batch: "b"},
		`{"kind":"a","payload":null,"metadata":null}`:              {Kind: "a"},
		`{"kind":"a","payload":1,"payload":null}`:                  {Kind: "a"},
		`{"kind":"a","payload":"null"}`:                            {Kind: "a", Payload: json.RawMessage(`"null"`)},
		`{"kind":"a","payload": [1.50, "<\u003c"] }`:               {Kind: "a", Payload: json.RawMessage(`[1.50, "<\u003c"]`)},
		`{"kind":"a","payload":{"kind":"b"}}`:                      {Kind: "a", Payload: json.RawMessage(`{"kind":"b"}`)},
		`{"kind":"\u0061","unknown":{"kind":"b"}}`:                 {Kind: "a"},
		`{"kind":"a","id":"","pool":"","batch":""}`:                {Kind: "a"},
		`{"kind":"a","run_at":"2030-01-02T03:04:05.000000006Z"}`:   {Kind: "a", RunAt: time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)},
		`{"kind":"a","retry":{"factor":2},"retry":{"jitter":-1}}`:  {Kind: "a", Retry: &ha.Retry{Factor: 2, Jitter: -1}},
		`{"kind":"a","labels":{"x":"1"},"labels":{"y":"2"}}`:       {Kind: "a", Labels: map[string]string{"x": "1", "y": "2"}},
	} {
		t.Run(body, func(t *testing.T) {
			checkSubmit(t, []byte(body))
			if got, err := submitOne([]byte(body)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s\n got %+v, %v\nwant %+v", body, got, err, want)
			}
		})
	}
}
