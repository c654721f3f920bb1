package subjects

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// slowSubmit is DecodeSubmit by encoding/json alone.
func slowSubmit(body []byte) (list []Submission, many bool, err error) {
	b := bytes.TrimLeft(body, " \t\r\n")
	if many = len(b) > 0 && b[0] == '['; !many || len(body) > MaxBody || !utf8.Valid(body) {
		one := slowTask(body)
		if one.Err != nil {
			return nil, many && utf8.Valid(body) && len(body) <= MaxBody, one.Err
		}
		return []Submission{one}, false, nil
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, true, rawjson.Explain(err, &entries)
	}
	if len(entries) > MaxSubmit {
		return nil, true, ha.TooLarge("too_many_tasks", "one submission may hold at most %d tasks, got %d", MaxSubmit, len(entries))
	}
	list = []Submission{}
	for _, entry := range entries {
		list = append(list, slowTask(entry))
	}
	return list, true, nil
}

func slowTask(b []byte) Submission {
	spec, err := decodeTask(b)
	if err != nil {
		return refusedTask(err)
	}
	if err := CheckTask(spec); err != nil {
		return refusedTask(err)
	}
	return Submission{Spec: spec}
}

// checkSubmit wants the two to agree, refusals and their words included.
func checkSubmit(t *testing.T, body []byte) {
	t.Helper()
	quick, many, err := DecodeSubmit(body)
	slow, manySlow, errSlow := slowSubmit(body)
	var refusal, refusalSlow ha.Error
	if err != nil {
		checkRefusal(t, err)
		refusal = *refusedTask(err).Err
	}
	if errSlow != nil {
		refusalSlow = *refusedTask(errSlow).Err
	}
	if many != manySlow || refusal != refusalSlow || len(quick) != len(slow) {
		t.Fatalf("%.500q\nby hand %d, %t, %v\nby json %d, %t, %v", body, len(quick), many, err, len(slow), manySlow, errSlow)
	}
	for i := range quick {
		if !reflect.DeepEqual(quick[i], slow[i]) {
			t.Fatalf("%.500q\nentry %d\nby hand %+v, %v\nby json %+v, %v", body, i, quick[i].Spec, quick[i].Err, slow[i].Spec, slow[i].Err)
		}
		if (quick[i].Err == nil) == (quick[i].Spec == nil) {
			t.Fatalf("%.500q: entry %d is neither accepted nor refused, or both", body, i)
		}
		if quick[i].Err != nil {
			checkRefusal(t, quick[i].Err)
		}
	}
}

// submitOne is DecodeSubmit of one task.
func submitOne(body []byte) (ha.TaskSpec, error) {
	list, many, err := DecodeSubmit(body)
	if err != nil || many {
		return ha.TaskSpec{}, ha.Invalid("invalid_json", "not one task: %t, %v", many, err)
	}
	return *list[0].Spec, nil
}

// fullTask has every field that a task may have.
const fullTask = `{"id":"t-1","kind":"resize","payload":{"a":[1,2.50,"\u2028<"]},"pool":"east","priority":-5,"after":["a","b"],"after_batch":"b0",` +
	`"on_upstream_failure":"run","run_at":"2030-01-02T03:04:05.6+07:00","expires_at":"2031-01-02T03:04:05Z","timeout_ms":1000,` +
	`"retry":{"max_attempts":3,"backoff_ms":100,"max_backoff_ms":1000,"factor":1.5,"jitter":-1,"max_lost":-1},"unique_key":"u","concurrency_key":"c",` +
	`"steps":[{"kind":"x","timeout_ms":5,"retry":{"factor":2},"partial":true},{"kind":"y"}],"partial":true,"batch":"b1","labels":{"größe":"x","b":""},"metadata":[null]}`

// submitSeeds are written by hand, or by other than our own hands.
func submitSeeds() []string {
	one := []string{
		`{"kind":"a"}`, fullTask, strings.Replace(fullTask, "größe", "size", 1), `{"Kind":"a"}`, `{"kind":"a","KIND":"b"}`, `{"kind":"a","kind":"b"}`,
		`{"kind":"a","kind":null}`, `{"kind":"a","payload":null}`, `{"kind":"a","payload":1,"payload":null}`, `{"kind":"a","metadata":null}`,
		`{"priority":1,"kind":"a"}`, `{"kind":"a","priority":-0}`, `{"kind":"a","priority":1.0}`, `{"kind":"a","priority":1e2}`, `{"kind":"a","priority":1001}`,
		`{"kind":"a","priority":9007199254740993}`, `{"kind":"a","priority":99999999999999999999}`, `{"kind":"a","timeout_ms":01}`, `{"kind":"a","timeout_ms":-1}`,
		`{"kind":""}`, `{"kind":"a b"}`, `{"kind":"\u0061"}`, `{"kind":"a","pool":""}`, `{"kind":"a","id":null}`, `{"kind":5}`, `{ "kind" : "a" }`, `{"kind":"a",}`,
		`{"kind":"a"}}`, `{"kind":"a"} x`, `{}`, `null`, `{"kind":"a","labels":{"x":"y"},"labels":{"z":"é"}}`, `{"kind":"a","labels":{"x":1}}`, `{"kind":"a","labels":null}`,
		`{"kind":"a","retry":{"max_attempts":3},"retry":{"factor":2}}`, `{"kind":"a","retry":{"factor":2},"retry":null}`, `{"kind":"a","retry":{"factor":0.5}}`,
		`{"steps":[{"kind":"a","partial":true}],"steps":[{"kind":"b"}]}`, `{"steps":[{"kind":"a"},{"kind":""}]}`, `{"kind":"a","after":["a",""],"after":["b"]}`,
		`{"kind":"a","run_at":"tomorrow"}`, `{"kind":"a","run_at":"0000-01-01T00:00:00Z"}`, `{"kind":"a","run_at":null}`, `{"kind":"a","expires_at":5}`,
		`{"kind":"a","payload":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, `{"kind":"a","unknown":[{}]}`, "{\"kind\":\"a\",\"payload\":\"\xff\"}",
		`{"kind":"a","labels":{"b b":"","a a":""}}`,
		`{"kind":"a","labels":{"x":"\ud800"}}`, `{"kind":"a","labels":{"x":"\ud83d\ude00"},"payload":"\\ud800"}`, `{"kind":"a","payload":"\udc00"}`, `{"kind":"a","delay_ms":5}`,
		`{"kind":"a","delay_ms":5,"run_at":"2030-01-02t03:04:05z"}`, `{"kind":"a","run_at":""}`, `{"kind":"a","run_at":"2030-01-02T03:04:05Z","run_at":""}`,
	}
	seeds := append([]string{"\u00a0{\"kind\":\"a\"}", "\v{\"kind\":\"a\"}", "[]", "[ ]", "[", "[}", `[1,"x",null,[]]`, `[{"kind":"a"},]`, `[{"kind":"a"}]]`, `[{"kind":"a"}{"kind":"b"}]`,
		" [ {\"kind\":\"a\"} ,\n{\"kind\":\"a\",\"pool\":\"p\"}\t] ", `[{"kind":"a\"b"},{"kind":"a"b"}]`, `[{"kind":"a","pool":"p"},{"kind":"a1","pool":"p"},{"kind":"a","pool":"p2"}]`}, one...)
	for i, s := range one {
		seeds = append(seeds, `[`+s+`]`, `[{"kind":"k","pool":"p"},`+s+`,`+one[(i+1)%len(one)]+`]`)
	}
	return seeds
}

func FuzzDecodeSubmit(f *testing.F) {
	for _, seed := range submitSeeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkSubmit(t, body)
		if list, many, err := DecodeSubmit(body); err == nil && !many && list[0].Spec != nil {
			roundTrip(t, submitOne, body)
		}
	})
}

// fragments are what FuzzSubmitFields builds tasks of.
var fragments = []string{
	`,`, `,`, `,`, `},{`, ` `, "\n", `{`, `}`, `"kind":"a"`, `"kind":"a"`, `"kind":"b"`, `"kind":null`, `"kind":""`, `"kind":"a\u0062"`, `"Kind":"c"`, `"kind" : "a"`,
	`"id":"t"`, `"id":"t-2"`, `"id":null`, `"id":5`, `"pool":"p"`, `"pool":"q"`, `"pool":""`, `"batch":"b"`, `"batch":null`, `"priority":5`, `"priority":-0`, `"priority":null`,
	`"priority":1e1`, `"PRIORITY":7`, `"timeout_ms":5`, `"timeout_ms":-5`, `"timeout_ms":999999999999999`, `"timeout_ms":9999999999999999`, `"payload":null`,
	`"payload":{"a":[1, 2]}`, `"payload": "x"`, `"payload":"},{"`, `"metadata":0`, `"metadata":null`, `"unique_key":"u"`, `"unique_key":null`, `"unique_key":"u\n"`, `"concurrency_key":"c"`,
	`"concurrency_key":5`, `"labels":{"x":"1","y":"2"}`, `"labels":{"x":null}`, `"labels":{"y":3}`, `"labels":null`, `"labels":{}`, `"retry":{"factor":2}`, `"retry":{"factor":null,"max_lost":1}`,
	`"retry":null`, `"retry":{"factor":"x"}`, `"Retry":{"jitter":-1}`, `"after":["x","y"]`, `"after":["z"]`, `"after":[]`, `"after":null`, `"after":[1]`, `"after_batch":"b"`, `"after_batch":"c"`,
	`"steps":[{"kind":"s","partial":true,"retry":{"factor":3}},{"kind":"r"}]`, `"steps":[{"kind":"v"}]`, `"steps":[{"retry":{"max_lost":2}}]`, `"steps":null`, `"steps":[]`,
	`"run_at":"2030-01-02T03:04:05Z"`, `"run_at":""`, `"expires_at":"2016-12-31t23:59:60z"`, `"delay_ms":5`, `"delay_ms":null`, `"delay_ms":-0`, `"labels":{"x":"\ud800"}`, `"run_at":null`, `"run_at":"x"`, `"run_at":"2031-01-02T03:04:05.5-07:00"`, `"expires_at":"2030-01-02T03:04:05Z"`, `"expires_at":7`, `"partial":true`,
	`"on_upstream_failure":"run"`, `"on_upstream_failure":"x"`, `"unknown":[{}]`,
}

// FuzzSubmitFields builds submissions of fields that fit together, or do not: what
// comes twice, and in which order, is what the two ways of reading may disagree on.
func FuzzSubmitFields(f *testing.F) {
	dice := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		choices := make([]byte, 1+dice.IntN(12))
		for i := range choices {
			choices[i] = byte(8 + dice.IntN(len(fragments)-8))
		}
		f.Add(choices, uint8(dice.IntN(4)))
	}
	f.Fuzz(func(t *testing.T, choices []byte, how uint8) {
		var b strings.Builder
		for i, c := range choices {
			fragment := fragments[int(c)%len(fragments)]
			if i > 0 && how&1 == 0 && len(fragment) > 3 { // else only the fragments say where a comma is
				b.WriteByte(',')
			}
			b.WriteString(fragment)
		}
		body := `{` + b.String() + `}`
		if how&2 != 0 {
			body = `[{"kind":"k","pool":"p"},` + body + `,{"kind":"k"}]`
		}
		checkSubmit(t, []byte(body))
	})
}

// FuzzDecodeTaskRequests gives every body to every decoder of requests on tasks.
func FuzzDecodeTaskRequests(f *testing.F) {
	for _, seed := range []string{
		``, ` `, "\xff", `{}`, `null`, `[]`, `{`, `{} x`, `{"id":"t7-1"}`, `{"ID":"t7-1"}`, `{"id":""}`, `{"id":"a.b"}`, `{"id":7}`, `{"id":"t","timeout_ms":30000}`, `{"id":"t","timeout_ms":-1}`,
		`{"state":"failed","kind":"k","pool":"p","batch":"b","limit":5,"cursor":"17"}`, `{"state":"` + strings.Repeat("é\n", 500) + `"}`, `{"cursor":"18446744073709551615"}`,
		`{"id":"t","kind":"k"}`, `{"kind":"k","limit":1001}`, `{"kind":"k","pool":"p"}`, `{"limit":10,"receipt":"r-1"}`, `{"receipt":"*"}`, `{"pool":"a b"}`,
		`{"kind":"k","concurrency":5,"rate":0.5}`, `{"key":"*","concurrency":1}`, `{"kind":"k","rate":1e-400}`, `{"kind":"k","rate":1e400}`, `{"pool":"p","rate":1}`, `{"kind":"k","burst":2}`,
		`{"name":"b","close":true,"then":` + strings.Replace(strings.Replace(fullTask, "größe", "size", 1), `"b0"`, `"b"`, 1) + `}`, `{"name":"b","then":{"kind":"k","batch":"b"}}`,
		`{"name":"b","then":{"kind":"k","after_batch":"other"}}`, `{"name":"b","then":null}`, `{"name":"b","then":{"run_at":"x` + strings.Repeat("y", 700) + `"}}`,
		`{"activation":"a","percent":50,"text":"` + strings.Repeat("é", 200) + `"}`, `{"activation":"a","percent":-0.0}`, `{"activation":"a","percent":100.1}`, `{"percent":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	list := func(body []byte) (ListRequest, error) { r, _, err := DecodeList(body); return r, err }
	f.Fuzz(func(t *testing.T, body []byte) {
		roundTrip(t, func(b []byte) (TaskRequest, error) { id, err := DecodeTaskRequest(b); return TaskRequest{ID: id}, err }, body)
		roundTrip(t, DecodeWait, body)
		roundTrip(t, list, body)
		roundTrip(t, DecodeRetry, body)
		roundTrip(t, DecodePull, body)
		roundTrip(t, DecodePause, body)
		roundTrip(t, DecodeLimit, body)
		roundTrip(t, DecodeBatch, body)
		roundTrip(t, DecodeProgress, body)
	})
}
