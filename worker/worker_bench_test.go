package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// BenchmarkWorker measures tasks through NATS: a worker, a server, and a dispatcher
// that gives out a new task for each that has ended. One operation is one task.
func BenchmarkWorker(b *testing.B) {
	for _, slots := range []int{1, 64, 4096} {
		b.Run("slots="+strconv.Itoa(slots), func(b *testing.B) {
			f := newFake(b).patient()
			d := &benchDispatcher{b: b, f: f, total: b.N, done: make(chan struct{})}
			d.payload = json.RawMessage(fmt.Sprintf(`{"data":"%0189d"}`, 7))
			f.on(subjects.TopicAvailable, d.available).listen()
			w := f.make(connect(b, server), worker.Config{Slots: slots})
			w.Handle("noop", func(context.Context, ha.Task) (any, error) { return nil, nil })
			d.id = f.run(w).registered()
			b.ReportAllocs()
			b.ResetTimer()
			d.give(slots)
			select {
			case <-d.done:
			case <-time.After(time.Minute):
				b.Fatalf("not all of the %d tasks ended within a minute", d.total)
			}
		})
	}
}

type benchDispatcher struct {
	b       *testing.B
	f       *dispatcher
	id      ha.WorkerID
	payload json.RawMessage
	total   int
	ended   int // only the fake's subscription counts
	done    chan struct{}

	mu    sync.Mutex // guards what follows: the benchmark gives first, then the subscription
	given int
	body  []byte
}

// give sends orders of up to n tasks, each in a message that the server takes.
func (d *benchDispatcher) give(n int) {
	const order = 1024
	d.mu.Lock()
	defer d.mu.Unlock()
	for n = min(n, d.total-d.given); n > 0; n -= order {
		d.order(min(n, order))
	}
}

// order is called with mu held.
func (d *benchDispatcher) order(n int) {
	o := subjects.Activate{ID: d.id, Order: subjects.OrderActivate, Epoch: 7, Work: make([]subjects.Work, n)}
	for i := range o.Work {
		d.given++
		id := strconv.Itoa(d.given)
		o.Work[i] = subjects.Work{Activation: ha.ActivationID(id), Task: &subjects.WorkTask{
			ID: ha.TaskID(id), Kind: "noop", Payload: d.payload, Attempt: 1, TimeoutMS: 60_000,
		}}
	}
	d.body = subjects.AppendActivate(d.body[:0], o)
	if err := d.f.nc.Publish(d.f.names.Activate(), d.body); err != nil {
		d.b.Error(err)
	}
}

func (d *benchDispatcher) available(_ int, g got) any {
	n := len(g.available.Finished)
	d.give(n)
	if d.ended += n; d.ended == d.total {
		close(d.done)
	}
	return []byte(`{"ok":true}`)
}
