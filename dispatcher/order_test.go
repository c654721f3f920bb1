package dispatcher_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// TestLastProgressIsKept: a worker says how far it is right before it says that it is done, on
// another subject. Each on a goroutine of its own, the second overtook the first in four of five tasks.
func TestLastProgressIsKept(t *testing.T) {
	r := started(t, nil)
	const tasks = 80
	id := r.hello(fmt.Sprintf(`{"weight":1,"kinds":["k"],"slots":%d}`, tasks)).ID
	orders := r.orders()
	list := make([]string, tasks)
	for i := range list {
		list[i] = fmt.Sprintf(`{"id":"t%d","kind":"k"}`, i)
	}
	r.must(r.names.Task(subjects.TaskSubmit), "["+strings.Join(list, ",")+"]", &[]subjects.Submitted{})
	answers := make(chan string, tasks)
	inbox := r.nc.NewInbox()
	r.subscribe(inbox, func(m *nats.Msg) { answers <- string(m.Data) })
	for done := 0; done < tasks; {
		for _, w := range receive(t, orders, "an order").Work {
			done++
			for percent := range 3 {
				if err := r.nc.Publish(r.names.Progress(id), fmt.Appendf(nil, `{"activation":%q,"percent":%d}`, w.Activation, 97+percent)); err != nil {
					t.Fatal(err)
				}
			}
			report := fmt.Appendf(nil, `{"finished":[{"activation":%q,"outcome":"done"}]}`, w.Activation)
			if err := r.nc.PublishRequest(r.names.Available(id), inbox, report); err != nil {
				t.Fatal(err)
			}
		}
	}
	lost := 0
	for range tasks {
		receive(t, answers, "an acknowledgement")
	}
	for i := range tasks {
		if got := r.record(ha.TaskID(fmt.Sprintf("t%d", i))); got.Progress == nil || got.Progress.Percent != 99 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("the last progress of %d tasks of %d is lost", lost, tasks)
	}
}

// TestAcknowledgementComesBeforeTheNextOrder: a worker that takes its slot for free when its report is acknowledged
// rejects nothing, if it takes its messages in the order in which they come. On one subscription they do.
func TestAcknowledgementComesBeforeTheNextOrder(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Direct = true })
	const tasks = 200
	id := r.hello(`{"weight":1,"kinds":["k"],"direct":true}`).ID
	own := r.names.ActivateDirect(id)
	messages := make(chan *nats.Msg, tasks)
	r.subscribe(own, func(m *nats.Msg) { messages <- m })
	r.heartbeat(id, `{"running":[]}`)
	list := make([]string, tasks)
	for i := range list {
		list[i] = `{"kind":"k"}`
	}
	r.must(r.names.Task(subjects.TaskSubmit), "["+strings.Join(list, ",")+"]", &[]subjects.Submitted{})
	busy := false
	for done := 0; done < tasks; {
		m := receive(t, messages, "an order or an acknowledgement")
		order, err := subjects.DecodeActivate(m.Data)
		switch {
		case err == nil && order.Order == subjects.OrderProbe:
		case err == nil && busy:
			t.Fatalf("after %d tasks an order came before the acknowledgement of the report", done)
		case err == nil:
			busy = true
			report := fmt.Appendf(nil, `{"finished":[{"activation":%q,"outcome":"done"}]}`, order.Work[0].Activation)
			if err := r.nc.PublishRequest(r.names.Available(id), own, report); err != nil {
				t.Fatal(err)
			}
		default:
			if string(m.Data) != `{"ok":true}` {
				t.Fatalf("acknowledged by %s", m.Data)
			}
			busy = false
			done++
		}
	}
}
