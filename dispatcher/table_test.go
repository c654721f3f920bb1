package dispatcher_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// TestServiceListsTheRequests as "nats micro" shows them: the names and the subjects are
// what people's scripts and dashboards know.
func TestServiceListsTheRequests(t *testing.T) {
	r := started(t, nil)
	var info micro.Info
	msg, err := r.nc.Request("$SRV.INFO.ha."+serviceID(t, r), nil, patience)
	if err == nil {
		err = json.Unmarshal(msg.Data, &info)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`hello:hello heartbeat:hb.* available:available.* bye:bye.* workers:workers status:status progress:progress.*
		task-submit:task.submit task-get:task.get task-wait:task.wait task-list:task.list task-cancel:task.cancel task-retry:task.retry
		task-pull:task.pull task-run:task.run task-delete:task.delete task-pause:task.pause task-resume:task.resume task-limit:task.limit task-stats:task.stats task-batch:task.batch
		cluster-clock:cluster.clock cluster-upgrade:cluster.upgrade`)
	var got []string
	for _, e := range info.Endpoints {
		got = append(got, e.Name+":"+strings.TrimPrefix(e.Subject, r.names.Prefix()+"."))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// serviceID returns the id of the service of r's dispatcher, which is not the only one
// on the server.
func serviceID(t *testing.T, r *rig) string {
	t.Helper()
	inbox := nats.NewInbox()
	replies, err := r.nc.SubscribeSync(inbox)
	if err == nil {
		defer func() { _ = replies.Unsubscribe() }()
		err = r.nc.PublishRequest("$SRV.PING.ha", inbox, nil)
	}
	for err == nil {
		var msg *nats.Msg
		if msg, err = replies.NextMsg(patience); err != nil {
			break
		}
		var p micro.Ping
		if err = json.Unmarshal(msg.Data, &p); err == nil && p.Metadata["prefix"] == r.names.Prefix() {
			return p.ID
		}
	}
	t.Fatal(err)
	return ""
}

// strict decodes a reply into a message of that type, and refuses fields that it has not.
func strict(body []byte, into reflect.Type) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(into).Interface())
}

// TestRepliesAreAsTheTableSays, for every form of every request.
func TestRepliesAreAsTheTableSays(t *testing.T) {
	r := started(t, nil)
	var hello subjects.HelloReply
	r.must(r.names.Hello(), `{"weight":1,"kinds":["busy"]}`, &hello)
	orders := make(chan subjects.Activate, 10)
	r.subscribe(r.names.Activate(), func(m *nats.Msg) {
		if a, err := subjects.DecodeActivate(m.Data); err == nil && a.Order == subjects.OrderActivate {
			orders <- a
		}
	})
	r.must(r.names.Task(subjects.TaskSubmit), `{"id":"run","kind":"busy"}`, &subjects.Submitted{})
	running := string(receive(t, orders, "an activation").Work[0].Activation)
	r.must(r.names.Task(subjects.TaskSubmit), `{"id":"t","kind":"k","batch":"b"}`, &subjects.Submitted{})
	r.must(r.names.Task(subjects.TaskCancel), `{"id":"t"}`, &ha.TaskRecord{})
	r.must(r.names.Task(subjects.TaskSubmit), `[{"id":"gone","kind":"k"},{"id":"later","kind":"k","delay_ms":3600000}]`, &[]subjects.Submitted{})
	r.must(r.names.Task(subjects.TaskCancel), `{"id":"gone"}`, &ha.TaskRecord{})
	bodies := map[string][]string{
		"hello": {`{"weight":2}`}, "heartbeat": {`{"running":["` + running + `"]}`}, "progress": {`{"activation":"` + running + `","percent":1}`},
		"available":   {`{"finished":[{"activation":"` + running + `","outcome":"done","result":1}]}`},
		"task-submit": {`{"kind":"k"}`, `[{"kind":"k"},{"kind":""}]`}, "task-retry": {`{"id":"t"}`, `{"kind":"k"}`},
		"task-run": {`{"id":"later"}`}, "task-delete": {`{"id":"gone"}`}, "task-get": {`{"id":"t"}`}, "task-wait": {`{"id":"t","timeout_ms":1}`}, "task-cancel": {`{"id":"t"}`},
		"task-pause": {`{"kind":"k"}`}, "task-resume": {`{"kind":"k"}`}, "task-limit": {`{"kind":"k","rate":1}`}, "task-batch": {`{"name":"b"}`},
	}
	table := subjects.Requests()
	last := map[string]int{"available": 1, "bye": 2} // which end what the others are about
	slices.SortStableFunc(table, func(a, b subjects.Request) int { return last[a.Name] - last[b.Name] })
	for _, request := range table {
		sent := bodies[request.Name]
		if sent == nil {
			sent = []string{`{}`}
		}
		if len(sent) != len(request.Forms) {
			t.Errorf("%s has %d forms, the test %d bodies", request.Name, len(request.Forms), len(sent))
			continue
		}
		for i, form := range request.Forms {
			msg, err := r.nc.Request(request.Subject(r.names, hello.ID), []byte(sent[i]), patience)
			if err != nil || msg.Header.Get(subjects.HeaderErrorCode) != "" {
				t.Errorf("%s %s: %v %s", request.Name, sent[i], err, msg.Data)
				continue
			}
			if err := strict(msg.Data, form.Reply); err != nil {
				t.Errorf("the reply to %s %s is no %s: %v: %s", request.Name, sent[i], form.Reply, err, msg.Data)
			}
			if err := strict([]byte(sent[i]), form.Request); err != nil {
				t.Errorf("%s %s is no %s: %v", request.Name, sent[i], form.Request, err)
			}
		}
	}
}
