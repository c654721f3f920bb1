package subjects

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// fuzzDecode holds a decoder to three promises: it never panics, what it
// refuses it refuses with a readable [*ha.Error], and what it accepts means the
// same after being encoded and decoded again.
func fuzzDecode[T any](f *testing.F, decode func([]byte) (T, error), seeds ...string) {
	f.Helper()
	for _, common := range []string{``, ` `, `{}`, `null`, `[]`, `{`, `{} x`, "\xff", `{"a":1,"a":2}`, `{"x":[[[[]]]]}`} {
		f.Add([]byte(common))
	}
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { roundTrip(t, decode, body) })
}

func roundTrip[T any](t *testing.T, decode func([]byte) (T, error), body []byte) {
	t.Helper()
	first, err := decode(body)
	if err != nil {
		checkRefusal(t, err)
		return
	}
	again, err := json.Marshal(first)
	if err != nil {
		t.Fatalf("accepted %q but cannot encode %+v: %v", body, first, err)
	}
	if len(again) > MaxBody { // escaping may make a body longer
		return
	}
	second, err := decode(again)
	if err != nil {
		t.Fatalf("accepted %q but not its own encoding %q: %v", body, again, err)
	}
	if !reflect.DeepEqual(normal(first), normal(second)) {
		t.Fatalf("%q changed in a round trip:\nfirst  %+v\nsecond %+v", body, first, second)
	}
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var refusal *ha.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("refused with %T: %v", err, err)
	}
	if refusal.Status != 400 && refusal.Status != 413 {
		t.Errorf("refused with status %d", refusal.Status)
	}
	if !ha.ValidToken(refusal.Code) || refusal.Message == "" {
		t.Errorf("refusal is not for people and programs: %+v", refusal)
	}
	if len(refusal.Message) > 600 || bytes.ContainsAny([]byte(refusal.Message), "\r\n") {
		t.Errorf("message of %d bytes is not one short line: %q", len(refusal.Message), refusal.Message)
	}
}

// normal removes what may differ without a difference in meaning: how a result
// is spaced and escaped, and whether a list is absent or empty. A heartbeat's
// "running" keeps that difference, for there it has a meaning.
func normal(message any) any {
	switch m := message.(type) {
	case Hello:
		m.Kinds = append([]string{}, m.Kinds...)
		return m
	case Activate:
		work := make([]any, 0, len(m.Work))
		for _, w := range m.Work {
			work = append(work, []any{w.Activation, normalWork(w.Task)})
		}
		return []any{m.ID, m.Order, m.Epoch, work}
	case ha.TaskSpec:
		return normalTask(&m)
	case BatchRequest:
		return []any{m.Name, m.Close, normalTask(m.Then)}
	case Available:
		finished := make([]any, 0, len(m.Finished))
		for _, f := range m.Finished {
			finished = append(finished, []any{f.Activation, f.Outcome, f.Error, f.Permanent, len(f.Result) > 0, value(f.Result)})
		}
		return []any{m.Message, finished}
	}
	return message
}

func normalWork(t *WorkTask) any {
	if t == nil {
		return nil
	}
	rest, upstream := *t, []any{}
	for _, u := range t.Upstream {
		upstream = append(upstream, []any{u.ID, u.State, u.Omitted, len(u.Result) > 0, value(u.Result)})
	}
	if len(rest.Labels) == 0 {
		rest.Labels = nil
	}
	rest.Payload, rest.Metadata, rest.Upstream = nil, nil, nil
	return []any{rest, len(t.Payload) > 0, value(t.Payload), len(t.Metadata) > 0, value(t.Metadata), upstream}
}

func normalTask(s *ha.TaskSpec) any {
	if s == nil {
		return nil
	}
	rest := *s
	rest.RunAt, rest.ExpiresAt = s.RunAt.UTC(), s.ExpiresAt.UTC()
	if len(rest.Labels) == 0 {
		rest.Labels = nil
	}
	rest.Payload, rest.Metadata = nil, nil
	rest.After, rest.Steps = append([]ha.TaskID{}, s.After...), append([]ha.Step{}, s.Steps...)
	return []any{rest, len(s.Payload) > 0, value(s.Payload), len(s.Metadata) > 0, value(s.Metadata)}
}

// value is what a JSON text says; a number of any length stays itself.
func value(raw json.RawMessage) (v any) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return err.Error()
	}
	return v
}

func FuzzDecodeHello(f *testing.F) {
	decode := func(body []byte) (Hello, error) {
		h, err := DecodeHello(body)
		if err == nil {
			err = h.Validate()
		}
		return h, err
	}
	fuzzDecode(f, decode,
		`{"weight":3}`, `{"weight":3.0}`, `{"weight":1e400}`, `{"weight":"3"}`, `{"weight":-1}`, `{"weight":0.1}`,
		`{"message":"is someone there","weight":3,"name":"east-1","pools":["default"],"kinds":["sha512"],"slots":1,"instance":"n","protocol":1,"direct":true}`,
		`{"weight":3,"name":"a.b"}`, `{"weight":3,"pools":[null,"*"]}`, `{"WEIGHT":3}`, `{"weight":[1,`+"\n"+`2]}`)
}

func FuzzDecodeHeartbeat(f *testing.F) {
	fuzzDecode(f, DecodeHeartbeat,
		`{"running":[]}`, `{"running":null}`, `{"running":["a7-42"],"cpu":0.12,"memory_bytes":1234}`, `{"cpu":-1}`, `{"cpu":5e-324}`, `{"memory_bytes":1e9}`)
}

func FuzzDecodeAvailable(f *testing.F) {
	fuzzDecode(f, DecodeAvailable,
		`{"message":"i_am_available"}`, `{"finished":[]}`,
		`{"finished":[{"activation":"a7-42","outcome":"done","result":{"a":[1,2.50,"<"]}}]}`,
		`{"finished":[{"activation":"a7-42","outcome":"failed","error":"no","result":null}]}`,
		`{"finished":[{"activation":"a7-42","outcome":"failed","error":"no","permanent":true},{"activation":"a7-43","outcome":"done","result":0.10}]}`,
		`{"finished":[{"activation":"a","outcome":"done"}],"finished":[{"activation":"b"}]}`)
}

func FuzzDecodeActivate(f *testing.F) {
	fuzzDecode(f, DecodeActivate,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a7-42"}]}`, `{"id":"9f2c","order":"drain"}`,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a7-42","task":`+fullWorkTask+`},{"activation":"a","task":null}]}`,
		`{"id":"9f2c","order":"activate","work":[{"activation":"a7-42","task":{"labels":{},"upstream":[],"payload":null}}]}`,
		`{"id":"9f2c","order":"later","epoch":18446744073709551615}`, `{"id":"9f2c","epoch":-1}`, `{"id":"*"}`, `{"id":"9f2c","work":[]}`)
}
