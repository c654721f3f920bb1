package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// benchOrder is an order of n tasks whose payload has 200 bytes.
func benchOrder(first, n int) []byte {
	payload := json.RawMessage(fmt.Sprintf(`{"data":"%0189d"}`, 7))
	o := subjects.Activate{ID: "9f2c4e0011223344", Order: subjects.OrderActivate, Epoch: 7}
	for i := range n {
		o.Work = append(o.Work, subjects.Work{
			Activation: ha.ActivationID(fmt.Sprintf("a7-%d", first+i)),
			Task: &subjects.WorkTask{
				ID: ha.TaskID(fmt.Sprintf("t7-%d", first+i)), Kind: "noop", Payload: payload, Attempt: 1, TimeoutMS: 60_000,
			},
		})
	}
	return subjects.AppendActivate(nil, o)
}

// BenchmarkTasks measures what a worker does for a task but for NATS: an order is
// decoded, its tasks run and the available that tells their ends is encoded. One
// operation is one task.
func BenchmarkTasks(b *testing.B) {
	look := func(ctx context.Context, _ ha.Task) (any, error) { return nil, ctx.Err() }
	noop := func(context.Context, ha.Task) (any, error) { return nil, nil }
	for _, bench := range []struct {
		name    string
		slots   int
		handler TaskHandler
	}{{"slots=1", 1, noop}, {"slots=64", 64, noop}, {"slots=4096", 4096, noop}, {"slots=64/context", 64, look}} {
		b.Run(bench.name, func(b *testing.B) {
			// As many orders as there are activations that are remembered, and some.
			orders := make([][]byte, 2+5000/bench.slots)
			for i := range orders {
				orders[i] = benchOrder(i*bench.slots, bench.slots)
			}
			m, arrive := benchMembership(b, bench.slots, bench.handler)
			b.ReportAllocs()
			b.ResetTimer()
			for n, i := 0, 0; n < b.N; n, i = n+bench.slots, i+1 {
				arrive(orders[i%len(orders)])
				for ended := 0; ended < bench.slots; {
					<-m.executor.notify
					for _, r := range m.executor.take() {
						m.ended(r)
						ended++
					}
					m.body = subjects.AppendAvailable(m.body[:0], subjects.Available{Message: availableMessage, Finished: m.s.report()})
					m.s.reported(accepted, "")
				}
			}
		})
	}
}

// benchMembership returns a membership without a connection, and what delivers an order to it.
func benchMembership(b *testing.B, slots int, h TaskHandler) (m *membership, arrive func([]byte)) {
	nop := zerolog.Nop()
	w := &Worker{cfg: Config{Weight: 1, Slots: slots, Log: nop}}
	l := newLife(b.Context(), w, map[string]TaskHandler{"noop": h})
	b.Cleanup(l.close)
	orders := make(chan subjects.Activate, 1)
	m = &membership{w: w, executor: l.executor, log: nop, orders: orders}
	m.s = newSession(subjects.HelloReply{ID: "9f2c4e0011223344", Misses: 3, Epoch: 7}, slots)
	m.filter = &orderFilter{out: orders, done: b.Context().Done(), malformed: func(err error) { b.Error(err) }}
	m.filter.open(m.s.id)
	return m, func(data []byte) {
		m.filter.direct(data)
		m.carryOut(<-orders)
	}
}
