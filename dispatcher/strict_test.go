package dispatcher_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// TestAStrictRequestIsRefusedForAnUnknownField, and the same request without the header is
// not.
func TestAStrictRequestIsRefusedForAnUnknownField(t *testing.T) {
	r := started(t, nil)
	ask := func(subject, strict, body string, into any) error {
		t.Helper()
		msg, err := r.nc.RequestMsg(&nats.Msg{Subject: subject, Header: nats.Header{subjects.HeaderStrict: {strict}}, Data: []byte(body)}, patience)
		if err != nil {
			t.Fatal(err)
		}
		return subjects.DecodeReply(msg.Header.Get(subjects.HeaderErrorCode), msg.Data, into)
	}
	for subject, body := range map[string]string{
		r.names.Hello(): `{"weight":1,"Slots":3}`, r.names.Status(): `{"verbose":true}`, r.names.Task(subjects.TaskSubmit): `{"kind":"k","prioritty":1}`,
		r.names.Task(subjects.TaskList): `{"sate":"failed"}`, r.names.Task(subjects.TaskBatch): `{"name":"b","close":true,"then":{"kind":"k","payloads":1}}`,
	} {
		var answer map[string]any
		err := ask(subject, "true", body, &answer)
		if refusal, ok := errors.AsType[*ha.Error](err); !ok || refusal.Status != 400 || refusal.Code != "unknown_field" {
			t.Errorf("%s %s: got %v, %v", subject, body, answer, err)
		}
		if err := ask(subject, "false", body, &answer); err != nil {
			t.Errorf("%s %s, not strict: %v", subject, body, err)
		}
	}
	var list []subjects.Submitted
	if err := ask(r.names.Task(subjects.TaskSubmit), "true", `[{"id":"a","kind":"k"},{"id":"b","kind":"k","x":1}]`, &list); err != nil || len(list) != 2 ||
		list[0].ID != "a" || list[1].Error == nil || list[1].Error.Code != "unknown_field" {
		t.Errorf("of two tasks: %+v, %v", list, err)
	}
	r.refused(r.names.Task(subjects.TaskGet), `{"id":"b"}`, 404, "unknown_task")
	c, err := client.New(r.nc, client.Config{Prefix: r.names.Prefix(), Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.SubmitOne(t.Context(), ha.TaskSpec{ID: "a", Kind: "k"}); got.Err != nil || !got.Duplicate {
		t.Errorf("the client: %+v", got)
	}
	if _, err := c.Get(t.Context(), ha.TaskID(strings.Repeat("x", 65))); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("the client: %v", err)
	}
}
