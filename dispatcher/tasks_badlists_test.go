package dispatcher_test

import (
	"fmt"
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// text is a JSON string of that many bytes.
func text(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }

// nested is a JSON value that is that deep.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// listOf is a JSON array of n times the same value.
func listOf(n int, value string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(value+",", n), ",") + "]"
}

// badTasks are JSON objects that no submission takes for a task.
func badTasks() []refusal {
	list := []refusal{
		{`{}`, 400, "invalid_kind"},
		{`{"kind":""}`, 400, "invalid_kind"},
		{`{"kind":null}`, 400, "invalid_kind"},
		{`{"kind":7}`, 400, "invalid_type"},
		{`{"kind":"k","steps":["resize"]}`, 400, "invalid_type"},
		{`{"kind":"k","steps":{"kind":"k"}}`, 400, "invalid_type"},
		{`{"steps":[{"kind":"k"},{"kind":""}]}`, 400, "invalid_steps"},
		{`{"steps":[{"kind":"k","timeout_ms":-1}]}`, 400, "invalid_timeout"},
		{`{"steps":[{"kind":"k","retry":{"max_attempts":-1}}]}`, 400, "invalid_retry"},
		{`{"steps":` + listOf(ha.MaxSteps+1, `{"kind":"k"}`) + `}`, 413, "too_many_steps"},

		{`{"kind":"k","id":7}`, 400, "invalid_type"},
		{`{"kind":"k","priority":"high"}`, 400, "invalid_type"},
		{`{"kind":"k","priority":1.5}`, 400, "invalid_type"},
		{`{"kind":"k","priority":1001}`, 400, "invalid_priority"},
		{`{"kind":"k","priority":-1001}`, 400, "invalid_priority"},
		{`{"kind":"k","priority":99999999999999999999}`, 400, "invalid_type"},

		{`{"kind":"k","timeout_ms":-1}`, 400, "invalid_timeout"},
		{`{"kind":"k","timeout_ms":2592000001}`, 400, "invalid_timeout"},
		{`{"kind":"k","timeout_ms":-9223372036854775808}`, 400, "invalid_timeout"},
		{`{"kind":"k","timeout_ms":"1s"}`, 400, "invalid_type"},
		{`{"kind":"k","timeout_ms":0.5}`, 400, "invalid_type"},
		{`{"kind":"k","retry":3}`, 400, "invalid_type"},
		{`{"kind":"k","retry":{"max_attempts":1001}}`, 400, "invalid_retry"},
		{`{"kind":"k","retry":{"backoff_ms":-1}}`, 400, "invalid_retry"},
		{`{"kind":"k","retry":{"max_backoff_ms":-1}}`, 400, "invalid_retry"},
		{`{"kind":"k","retry":{"factor":0.5}}`, 400, "invalid_retry"},
		{`{"kind":"k","retry":{"factor":1e999}}`, 400, "invalid_type"},
		{`{"kind":"k","retry":{"jitter":1.1}}`, 400, "invalid_retry"},
		{`{"kind":"k","retry":{"max_lost":-2}}`, 400, "invalid_retry"},

		{`{"kind":"k","id":"a","after":["b","a"]}`, 400, "invalid_after"},
		{`{"kind":"k","after":"b"}`, 400, "invalid_type"},
		{`{"kind":"k","after":[7]}`, 400, "invalid_type"},
		{`{"kind":"k","after":[""]}`, 400, "invalid_after"},
		{`{"kind":"k","after":` + listOf(ha.MaxAfter+1, `"b"`) + `}`, 413, "too_many_after"},
		{`{"kind":"k","after":` + listOf(10_000, `"b"`) + `}`, 413, "too_many_after"},
		{`{"kind":"k","batch":"b","after_batch":"b"}`, 400, "invalid_after_batch"},
		{`{"kind":"k","on_upstream_failure":"ignore"}`, 400, "invalid_on_upstream_failure"},

		{`{"kind":"k","payload":` + text(ha.MaxPayload+1) + `}`, 413, "payload_too_large"},
		{`{"kind":"k","payload":` + nested(subjects.MaxNesting+1) + `}`, 400, "invalid_payload"},
		{`{"kind":"k","metadata":` + text(ha.MaxMetadata+1) + `}`, 413, "metadata_too_large"},
		{`{"kind":"k","payload":"\ud800"}`, 400, "invalid_payload"},
		{`{"kind":"k","metadata":["\udc00"]}`, 400, "invalid_metadata"},
		{`{"kind":"k","labels":{"a":"\ud83dx"}}`, 400, "invalid_labels"},
		{`{"KIND":"k"}`, 400, "invalid_kind"},
		{`{"kind":"k","run_at":"2030-01-01T00:00:00Z","delay_ms":1}`, 400, "invalid_delay"},
		{`{"kind":"k","run_at":"2030-01-01T00:00:00Z","expires_at":"2030-01-01T00:00:00Z"}`, 400, "invalid_expires_at"},
		{`{"kind":"k","labels":["a"]}`, 400, "invalid_type"},
		{`{"kind":"k","labels":{"a":1}}`, 400, "invalid_type"},
		{`{"kind":"k","labels":{"a b":"1"}}`, 400, "invalid_labels"},
		{`{"kind":"k","labels":{"":"1"}}`, 400, "invalid_labels"},
		{`{"kind":"k","labels":{"a":` + text(ha.MaxLabelValue+3) + `}}`, 413, "label_too_large"},
	}
	for _, field := range []string{"run_at", "expires_at"} {
		for _, year := range []string{"0000", "1969", "2262", "9999"} {
			list = append(list, refusal{`{"kind":"k","` + field + `":"` + year + `-12-31T23:59:59Z"}`, 400, "invalid_" + field})
		}
		for _, wrong := range []string{`"10000-01-01T00:00:00Z"`, `"tomorrow"`, `" "`, `5`, `{}`, `"2030-02-31T00:00:00Z"`} {
			list = append(list, refusal{`{"kind":"k","` + field + `":` + wrong + `}`, 400, "invalid_time"})
		}
	}
	for _, name := range []string{"a.b", "a b", "*", ">", "é", `a\u0000b`, `a\r\nNats-Evil: 1`, strings.Repeat("x", 65), strings.Repeat("x", 10_240)} {
		list = append(list, refusal{`{"kind":"` + name + `"}`, 400, "invalid_kind"}, refusal{`{"kind":"k","after":["` + name + `"]}`, 400, "invalid_after"})
		for _, field := range []string{"id", "pool", "unique_key", "concurrency_key", "batch", "after_batch"} {
			list = append(list, refusal{`{"kind":"k","` + field + `":"` + name + `"}`, 400, "invalid_" + field})
		}
	}
	return list
}

// badSubmissions are bodies that are no submission as a whole.
func badSubmissions() []refusal {
	list := []refusal{
		{``, 400, "invalid_json"},
		{`[{"kind":"k"}`, 400, "invalid_json"},
		{`[{"kind":"k"},]`, 400, "invalid_json"},
		{`[{"kind":"k"}] x`, 400, "invalid_json"},
		{listOf(subjects.MaxSubmit+1, `{"kind":"k"}`), 413, "too_many_tasks"},
		{`{"kind":"k","payload":` + text(5<<20) + `}`, 413, "body_too_large"},
		{`[` + text(5<<20) + `]`, 413, "body_too_large"},
	}
	for _, bad := range notOurs {
		if !strings.HasPrefix(bad.body, "[") { // which is a submission, though one of nothing good
			list = append(list, bad)
		}
	}
	return list
}

// badTaskRequests are bodies that the other requests on tasks refuse, by request.
func badTaskRequests() map[string][]refusal {
	one := append([]refusal{
		{``, 400, "invalid_json"}, {`{}`, 400, "invalid_id"}, {`{"id":""}`, 400, "invalid_id"}, {`{"id":"a.b"}`, 400, "invalid_id"},
		{`{"id":7}`, 400, "invalid_type"}, {`{"id":["a"]}`, 400, "invalid_type"}, {`{"id":"` + strings.Repeat("x", 65) + `"}`, 400, "invalid_id"},
	}, notOurs...)
	target := append([]refusal{
		{``, 400, "invalid_json"}, {`{}`, 400, "invalid_kind"}, {`{"kind":"k","pool":"p"}`, 400, "invalid_kind"}, {`{"kind":"a b"}`, 400, "invalid_kind"},
		{`{"pool":"*"}`, 400, "invalid_pool"}, {`{"kind":true}`, 400, "invalid_type"},
	}, notOurs...)
	page := []refusal{
		{`{"limit":-1}`, 400, "invalid_limit"}, {`{"limit":1001}`, 400, "invalid_limit"}, {`{"limit":"all"}`, 400, "invalid_type"},
		{`{"kind":"*"}`, 400, "invalid_kind"}, {`{"pool":"a b"}`, 400, "invalid_pool"},
	}
	with := func(more []refusal, lists ...[]refusal) []refusal {
		for _, list := range lists {
			more = append(more, list...)
		}
		return more
	}
	return map[string][]refusal{
		subjects.TaskSubmit: with(badSubmissions(), badTasks()),
		subjects.TaskGet:    one,
		subjects.TaskCancel: one,
		subjects.TaskWait: with([]refusal{
			{`{"id":"a","timeout_ms":-1}`, 400, "invalid_timeout"}, {`{"id":"a","timeout_ms":30001}`, 400, "invalid_timeout"},
			{`{"id":"a","timeout_ms":"1s"}`, 400, "invalid_type"},
		}, one),
		subjects.TaskList: with([]refusal{
			{`{"state":"done"}`, 400, "invalid_state"}, {`{"state":1}`, 400, "invalid_type"}, {`{"batch":"a.b"}`, 400, "invalid_batch"},
			{`{"cursor":"later"}`, 400, "invalid_cursor"}, {`{"cursor":"-1"}`, 400, "invalid_cursor"}, {`{"cursor":"18446744073709551615"}`, 400, "invalid_cursor"},
		}, page, notOurs),
		subjects.TaskPull: with([]refusal{{`{"receipt":"a.b"}`, 400, "invalid_receipt"}, {`{"receipt":7}`, 400, "invalid_type"}}, page, notOurs),
		subjects.TaskRetry: with([]refusal{
			{``, 400, "invalid_json"}, {`{}`, 400, "invalid_id"}, {`{"id":"a","kind":"k"}`, 400, "invalid_id"}, {`{"id":"a b"}`, 400, "invalid_id"},
			{`{"kind":"a b"}`, 400, "invalid_kind"}, {`{"kind":"k","limit":-1}`, 400, "invalid_limit"}, {`{"kind":"k","limit":1001}`, 400, "invalid_limit"},
		}, notOurs),
		subjects.TaskPause:  target,
		subjects.TaskResume: target,
		subjects.TaskLimit: with([]refusal{
			{``, 400, "invalid_json"}, {`{}`, 400, "invalid_limit"}, {`{"kind":"k","pool":"p","concurrency":1}`, 400, "invalid_limit"},
			{`{"kind":"*","concurrency":1}`, 400, "invalid_kind"}, {`{"key":">","concurrency":1}`, 400, "invalid_key"},
			{`{"kind":"k","concurrency":-1}`, 400, "invalid_limit"}, {`{"kind":"k","concurrency":1000001}`, 400, "invalid_limit"},
			{`{"kind":"k","concurrency":"two"}`, 400, "invalid_type"}, {`{"kind":"k","rate":-1}`, 400, "invalid_limit"},
			{`{"kind":"k","rate":0.0001}`, 400, "invalid_limit"}, {`{"kind":"k","rate":1e999}`, 400, "invalid_type"},
			{`{"pool":"p","rate":1}`, 400, "invalid_limit"}, {`{"kind":"k","burst":3}`, 400, "invalid_limit"}, {`{"kind":"k","rate":1,"burst":-3}`, 400, "invalid_limit"},
		}, notOurs),
		subjects.TaskStats: notOurs,
		subjects.TaskBatch: with([]refusal{
			{``, 400, "invalid_json"}, {`{}`, 400, "invalid_name"}, {`{"name":"a b"}`, 400, "invalid_name"}, {`{"name":"b","close":"yes"}`, 400, "invalid_type"},
			{`{"name":"b","then":{}}`, 400, "invalid_kind"}, {`{"name":"b","then":7}`, 400, "invalid_type"},
			{`{"name":"b","then":{"kind":"k","timeout_ms":-1}}`, 400, "invalid_timeout"},
			{`{"name":"b","then":{"kind":"k","after_batch":"other"}}`, 400, "invalid_after_batch"},
			{`{"name":"b","then":{"kind":"k","batch":"b"}}`, 400, "invalid_after_batch"},
		}, notOurs),
	}
}

// badOutcomes are reports of a worker on what it ran as a that are refused as a whole.
func badOutcomes(a ha.ActivationID) []refusal {
	entry := func(more string) string {
		return fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"done"%s}]}`, a, more)
	}
	return []refusal{
		{entry(`,"result":` + text(300<<10)), 413, "result_too_large"},
		{entry(`,"result":` + text(ha.MaxPayload+1)), 413, "result_too_large"},
		{entry(`,"result":` + text(5<<20)), 413, "body_too_large"},
		{entry(`,"result":` + nested(subjects.MaxNesting+1)), 400, "invalid_result"},
		{entry(`,"result":"\ud800"`), 400, "invalid_result"},
		{entry(`,"result":{"\udfff\ud800":1}`), 400, "invalid_result"},
		{entry(`,"result":{`), 400, "invalid_json"},
		{entry(`,"error":7`), 400, "invalid_type"},
		{entry(`,"permanent":"yes"`), 400, "invalid_type"},
		{fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"completed"}]}`, a), 400, "invalid_outcome"},
		{fmt.Sprintf(`{"finished":[{"activation":%q,"outcome":"lost"}]}`, a), 400, "invalid_outcome"},
	}
}

func badReports(a ha.ActivationID) []refusal {
	return append([]refusal{
		{``, 400, "invalid_json"}, {`{}`, 400, "invalid_activation"}, {`{"activation":"a.b"}`, 400, "invalid_activation"}, {`{"activation":7}`, 400, "invalid_type"},
		{fmt.Sprintf(`{"activation":%q,"percent":-1}`, a), 400, "invalid_percent"},
		{fmt.Sprintf(`{"activation":%q,"percent":100.1}`, a), 400, "invalid_percent"},
		{fmt.Sprintf(`{"activation":%q,"percent":"half"}`, a), 400, "invalid_type"},
		{fmt.Sprintf(`{"activation":%q,"text":7}`, a), 400, "invalid_type"},
	}, notOurs...)
}
