package subjects

import (
	"reflect"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// decoded drops all but the error of a decoder.
func decoded[T any](decode func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error { _, err := decode(b); return err }
}

func TestBadTaskRequests(t *testing.T) {
	long := `"` + strings.Repeat(`x\n`, 100_000) + `"`
	longText := rule + `, got "` + strings.Repeat(`x\n`, 40) + `"… (200000 bytes)`
	t.Run("get", func(t *testing.T) {
		checkRefused(t, decoded(DecodeTaskRequest), []refused{
			{"no id", `{}`, 400, "invalid_id", "id must be " + rule + `, got ""`},
			{"no token", `{"id":"t.1"}`, 400, "invalid_id", "id must be " + rule + `, got "t.1"`},
			{"long", `{"id":` + long + `}`, 400, "invalid_id", "id must be " + longText},
			{"a number", `{"id":7}`, 400, "invalid_type", "id must be a string, got a JSON number"},
			{"null", `{"id":null}`, 400, "invalid_id", ""},
		})
	})
	t.Run("wait", func(t *testing.T) {
		checkRefused(t, decoded(DecodeWait), []refused{
			{"no id", `{"timeout_ms":5}`, 400, "invalid_id", "id must be " + rule + `, got ""`},
			{"no token", `{"id":"*"}`, 400, "invalid_id", "id must be " + rule + `, got "*"`},
			{"negative", `{"id":"t","timeout_ms":-1}`, 400, "invalid_timeout", "timeout_ms must be from 1 to 30000, got -1"},
			{"over 30 s", `{"id":"t","timeout_ms":30001}`, 400, "invalid_timeout", "timeout_ms must be from 1 to 30000, got 30001"},
			{"a fraction", `{"id":"t","timeout_ms":0.5}`, 400, "invalid_type", "timeout_ms must be a whole number, written without fraction or exponent, got a JSON number 0.5"},
		})
	})
	t.Run("list", func(t *testing.T) {
		const states = "state must be one of [waiting scheduled pending running completed failed cancelled timed_out], got "
		checkRefused(t, func(b []byte) error { _, _, err := DecodeList(b); return err }, []refused{
			{"state", `{"state":"done"}`, 400, "invalid_state", states + `"done"`},
			{"long state", `{"state":` + long + `}`, 400, "invalid_state", states + `"` + strings.Repeat(`x\n`, 40) + `"… (200000 bytes)`},
			{"kind", `{"kind":"a b"}`, 400, "invalid_kind", "kind must be " + rule + `, got "a b"`},
			{"pool", `{"pool":">"}`, 400, "invalid_pool", ""},
			{"batch", `{"batch":"a.b"}`, 400, "invalid_batch", ""},
			{"the first of them", `{"batch":"a.b","pool":"a.b","kind":"a.b"}`, 400, "invalid_kind", ""},
			{"limit -1", `{"limit":-1}`, 400, "invalid_limit", "limit must be a whole number from 1 to 1000, got -1"},
			{"limit 1001", `{"limit":1001}`, 400, "invalid_limit", "limit must be a whole number from 1 to 1000, got 1001"},
			{"cursor of one's own", `{"cursor":"second"}`, 400, "invalid_cursor", `cursor must be the next of an earlier answer, got "second"`},
			{"negative cursor", `{"cursor":"-1"}`, 400, "invalid_cursor", ""},
			{"cursor with a sign", `{"cursor":"+1"}`, 400, "invalid_cursor", ""},
			{"cursor beyond all", `{"cursor":"18446744073709551615"}`, 400, "invalid_cursor", ""},
			{"long cursor", `{"cursor":` + long + `}`, 400, "invalid_cursor", ""},
			{"cursor a number", `{"cursor":17}`, 400, "invalid_type", "cursor must be a string, got a JSON number"},
		})
	})
	t.Run("retry", func(t *testing.T) {
		const either = "either id or kind must say what is to be retried"
		checkRefused(t, decoded(DecodeRetry), []refused{
			{"neither", `{}`, 400, "invalid_id", either},
			{"both", `{"id":"t","kind":"k"}`, 400, "invalid_id", either},
			{"id", `{"id":"a.b"}`, 400, "invalid_id", "id must be " + rule + `, got "a.b"`},
			{"kind", `{"kind":"*"}`, 400, "invalid_kind", "kind must be " + rule + `, got "*"`},
			{"limit", `{"kind":"k","limit":1001}`, 400, "invalid_limit", "limit must be a whole number from 1 to 1000, got 1001"},
			{"negative limit", `{"kind":"k","limit":-1}`, 400, "invalid_limit", ""},
		})
	})
	t.Run("pull", func(t *testing.T) {
		checkRefused(t, decoded(DecodePull), []refused{
			{"kind", `{"kind":"a b"}`, 400, "invalid_kind", ""},
			{"pool", `{"pool":"a b"}`, 400, "invalid_pool", ""},
			{"receipt", `{"receipt":"a b"}`, 400, "invalid_receipt", "receipt must be " + rule + `, got "a b"`},
			{"long receipt", `{"receipt":` + long + `}`, 400, "invalid_receipt", "receipt must be " + longText},
			{"limit", `{"limit":1001}`, 400, "invalid_limit", ""},
			{"limit a fraction", `{"limit":1.5}`, 400, "invalid_type", ""},
		})
	})
	t.Run("pause", func(t *testing.T) {
		const either = "either kind or pool must say what is meant"
		checkRefused(t, decoded(DecodePause), []refused{
			{"neither", `{}`, 400, "invalid_kind", either},
			{"both", `{"kind":"k","pool":"p"}`, 400, "invalid_kind", either},
			{"kind", `{"kind":"a b"}`, 400, "invalid_kind", "kind must be " + rule + `, got "a b"`},
			{"pool", `{"pool":"*"}`, 400, "invalid_pool", "pool must be " + rule + `, got "*"`},
		})
	})
}

func TestBadLimits(t *testing.T) {
	const one = "one of kind, pool and key must say what is limited"
	checkRefused(t, decoded(DecodeLimit), []refused{
		{"of nothing", `{"concurrency":5}`, 400, "invalid_limit", one},
		{"of kind and pool", `{"kind":"k","pool":"p"}`, 400, "invalid_limit", one},
		{"of pool and every key", `{"pool":"p","key":"*"}`, 400, "invalid_limit", one},
		{"of all three", `{"kind":"k","pool":"p","key":"c"}`, 400, "invalid_limit", one},
		{"every kind", `{"kind":"*","concurrency":1}`, 400, "invalid_kind", "kind must be " + rule + `, got "*"`},
		{"pool", `{"pool":"a.b"}`, 400, "invalid_pool", ""},
		{"key", `{"key":"**"}`, 400, "invalid_key", "key must be " + rule + `, got "**"`},
		{"negative concurrency", `{"kind":"k","concurrency":-1}`, 400, "invalid_limit", "concurrency must be from 1 to 1000000, or 0 for no limit, got -1"},
		{"great concurrency", `{"kind":"k","concurrency":1000001}`, 400, "invalid_limit", "concurrency must be from 1 to 1000000, or 0 for no limit, got 1000001"},
		{"concurrency a fraction", `{"kind":"k","concurrency":0.5}`, 400, "invalid_type", ""},
		{"negative rate", `{"kind":"k","rate":-1}`, 400, "invalid_limit", "rate must be from 0.001 to 1000000 a second, or 0 for no limit, got -1"},
		{"small rate", `{"kind":"k","rate":0.0009}`, 400, "invalid_limit", "rate must be from 0.001 to 1000000 a second, or 0 for no limit, got 0.0009"},
		{"great rate", `{"kind":"k","rate":1000000.5}`, 400, "invalid_limit", "rate must be from 0.001 to 1000000 a second, or 0 for no limit, got 1.0000005e+06"},
		{"endless rate", `{"kind":"k","rate":1e400}`, 400, "invalid_type", "rate must be a number within ±1.7e308, got a JSON number 1e400"},
		{"rate of a pool", `{"pool":"p","rate":1}`, 400, "invalid_limit", "only a kind may have a rate"},
		{"rate of a key", `{"key":"*","rate":1}`, 400, "invalid_limit", "only a kind may have a rate"},
		{"burst alone", `{"kind":"k","burst":2}`, 400, "invalid_limit", "burst goes with a rate"},
		{"negative burst", `{"kind":"k","rate":1,"burst":-1}`, 400, "invalid_limit", "burst must be from 1 to 1000000, got -1"},
		{"great burst", `{"kind":"k","rate":1,"burst":1000001}`, 400, "invalid_limit", "burst must be from 1 to 1000000, got 1000001"},
	})
}

func TestBadBatches(t *testing.T) {
	checkRefused(t, decoded(DecodeBatch), []refused{
		{"no name", `{"close":true}`, 400, "invalid_name", "name must be " + rule + `, got ""`},
		{"name", `{"name":"a.b"}`, 400, "invalid_name", "name must be " + rule + `, got "a.b"`},
		{"close 1", `{"name":"b","close":1}`, 400, "invalid_type", "close must be true or false, got a JSON number"},
		{"then a list", `{"name":"b","then":[]}`, 400, "invalid_type", "then must be an object, got a JSON array"},
		{"then nothing", `{"name":"b","then":{}}`, 400, "invalid_kind", "kind must be " + rule + `, got ""`},
		{"then after another", `{"name":"b","then":{"kind":"k","after_batch":"c\nd"}}`, 400, "invalid_after_batch", `the task of "then" comes after the batch "b", not after "c\nd"`},
		{"then after another batch", `{"name":"b","then":{"kind":"k","after_batch":"c"}}`, 400, "invalid_after_batch", `the task of "then" comes after the batch "b", not after "c"`},
		{"then in the batch", `{"name":"b","then":{"kind":"k","batch":"b"}}`, 400, "invalid_after_batch", "a task of the batch b cannot come after it"},
		{"then after a number", `{"name":"b","then":{"kind":"k","after":[1]}}`, 400, "invalid_type", "each entry of then.after must be a string, got a JSON number"},
		{"then a label that is a number", `{"name":"b","then":{"kind":"k","labels":{"x":1}}}`, 400, "invalid_type", "each value of then.labels must be a string, got a JSON number"},
		{"then at no time", `{"name":"b","then":{"kind":"k","run_at":"soon"}}`, 400, "invalid_time", `a time must be written like "2006-01-02T15:04:05Z", got "soon"`},
		{"then of a long payload", `{"name":"b","then":{"kind":"k","payload":"` + strings.Repeat("x", ha.MaxPayload) + `"}}`, 413, "payload_too_large", ""},
	})
}

func TestBadProgress(t *testing.T) {
	checkRefused(t, decoded(DecodeProgress), []refused{
		{"no activation", `{"percent":5}`, 400, "invalid_activation", "activation must be " + rule + `, got ""`},
		{"activation", `{"activation":"a b","percent":5}`, 400, "invalid_activation", "activation must be " + rule + `, got "a b"`},
		{"negative", `{"activation":"a","percent":-0.1}`, 400, "invalid_percent", "percent must be from 0 to 100, got -0.1"},
		{"over 100", `{"activation":"a","percent":100.1}`, 400, "invalid_percent", "percent must be from 0 to 100, got 100.1"},
		{"a string", `{"activation":"a","percent":"5%"}`, 400, "invalid_type", "percent must be a number within ±1.7e308, got a JSON string"},
		{"text a number", `{"activation":"a","percent":5,"text":5}`, 400, "invalid_type", "text must be a string, got a JSON number"},
	})
}

// good is a body, and what it is to mean.
type good[T any] struct {
	body string
	want T
}

func checkGood[T any](t *testing.T, decode func([]byte) (T, error), cases ...good[T]) {
	t.Helper()
	for _, c := range cases {
		if got, err := decode([]byte(c.body)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.200s\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
}

// TestGoodTaskRequests: defaults are filled in, and what is at a bound is within it.
func TestGoodTaskRequests(t *testing.T) {
	checkGood(t, DecodeTaskRequest,
		good[ha.TaskID]{`{"id":"t7-1"}`, "t7-1"}, good[ha.TaskID]{` {"ID":"u","id":"t","more":1,"Id":"v"}`, "t"}, good[ha.TaskID]{`{"id":"` + strings.Repeat("t", 64) + `"}`, ha.TaskID(strings.Repeat("t", 64))})
	checkGood(t, DecodeWait,
		good[WaitRequest]{`{"id":"t"}`, WaitRequest{ID: "t", TimeoutMS: 30_000}}, good[WaitRequest]{`{"id":"t","timeout_ms":0}`, WaitRequest{ID: "t", TimeoutMS: 30_000}},
		good[WaitRequest]{`{"id":"t","timeout_ms":1}`, WaitRequest{ID: "t", TimeoutMS: 1}}, good[WaitRequest]{`{"id":"t","timeout_ms":30000}`, WaitRequest{ID: "t", TimeoutMS: 30_000}})
	checkGood(t, DecodeRetry,
		good[RetryRequest]{`{"id":"t"}`, RetryRequest{ID: "t"}}, good[RetryRequest]{`{"kind":"k"}`, RetryRequest{Kind: "k", Limit: 1000}},
		good[RetryRequest]{`{"kind":"k","limit":1}`, RetryRequest{Kind: "k", Limit: 1}})
	for _, nothing := range []string{"", " \r\n", "{}", `{"limit":0,"kind":"","pool":null}`} {
		checkGood(t, DecodePull, good[PullRequest]{nothing, PullRequest{Limit: 100}})
		if r, after, err := DecodeList([]byte(nothing)); err != nil || after != 0 || r != (ListRequest{Limit: 100}) {
			t.Errorf("DecodeList(%q) = %+v, %d, %v", nothing, r, after, err)
		}
	}
	checkGood(t, DecodePull,
		good[PullRequest]{`{"limit":1000,"pool":"p","kind":"k","receipt":"r"}`, PullRequest{Limit: 1000, Pool: "p", Kind: "k", Receipt: "r"}})
	checkGood(t, DecodePause, good[PauseRequest]{`{"kind":"k"}`, PauseRequest{Kind: "k"}}, good[PauseRequest]{`{"pool":"p","kind":""}`, PauseRequest{Pool: "p"}})
	checkGood(t, DecodeLimit,
		good[ha.Limit]{`{"kind":"k"}`, ha.Limit{Kind: "k"}}, good[ha.Limit]{`{"key":"*","concurrency":1}`, ha.Limit{Key: "*", Concurrency: 1}},
		good[ha.Limit]{`{"kind":"k","rate":0.001}`, ha.Limit{Kind: "k", Rate: 0.001, Burst: 1}}, good[ha.Limit]{`{"pool":"p","concurrency":1000000}`, ha.Limit{Pool: "p", Concurrency: 1_000_000}},
		good[ha.Limit]{`{"kind":"k","concurrency":2,"rate":1e6,"burst":1000000}`, ha.Limit{Kind: "k", Concurrency: 2, Rate: 1e6, Burst: 1_000_000}})
	checkGood(t, DecodeBatch,
		good[BatchRequest]{`{"name":"b"}`, BatchRequest{Name: "b"}}, good[BatchRequest]{`{"name":"b","close":true,"then":null}`, BatchRequest{Name: "b", Close: true}},
		good[BatchRequest]{`{"name":"b","then":{"kind":"k","payload":null}}`, BatchRequest{Name: "b", Then: &ha.TaskSpec{Kind: "k", AfterBatch: "b"}}},
		good[BatchRequest]{`{"name":"b","then":{"kind":"k","after_batch":"b","batch":"c"}}`, BatchRequest{Name: "b", Then: &ha.TaskSpec{Kind: "k", AfterBatch: "b", Batch: "c"}}})
	checkGood(t, DecodeProgress,
		good[ProgressReport]{`{"activation":"a"}`, ProgressReport{Activation: "a"}}, good[ProgressReport]{`{"activation":"a","percent":100,"text":"é\n"}`, ProgressReport{Activation: "a", Percent: 100, Text: "é\n"}},
		good[ProgressReport]{`{"activation":"a","percent":5e-1,"text":"x` + strings.Repeat("é", 128) + `"}`, ProgressReport{Activation: "a", Percent: 0.5, Text: "x" + strings.Repeat("é", 127)}})

	r, after, err := DecodeList([]byte(`{"state":"timed_out","kind":"k","pool":"p","batch":"b","limit":1000,"cursor":"18446744073709551614"}`))
	want := ListRequest{State: ha.TaskTimedOut, Kind: "k", Pool: "p", Batch: "b", Limit: 1000, Cursor: "18446744073709551614"}
	if err != nil || r != want || after != 1<<64-2 {
		t.Errorf("got %+v, %d, %v", r, after, err)
	}
	for _, state := range ha.TaskStates() {
		if _, _, err := DecodeList([]byte(`{"state":"` + string(state) + `"}`)); err != nil {
			t.Errorf("the state %s: %v", state, err)
		}
	}
}
