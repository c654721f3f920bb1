package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// repeatAfter is how long a RawWorker waits before it asks again.
const repeatAfter = 50 * time.Millisecond

// RawWorker is a worker in this process, written with the NATS client alone. Its
// work takes no time. It never gives up, so it sees what an outage looks like to
// the end.
type RawWorker struct {
	name   string
	weight int
	nc     *nats.Conn
	orders chan *nats.Msg
	ledger *Ledger
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// Owned by run.
	id        string
	heartbeat time.Duration
	epoch     uint64
	done      map[string]bool
}

// StartRawWorker starts a worker that connects to one of the servers. It registers
// and works until it is stopped. more is applied to the connection.
func StartRawWorker(ctx context.Context, servers []string, name string, weight int, ledger *Ledger, more ...nats.Option) (*RawWorker, error) {
	nc, err := connect(name, servers, false, more...)
	if err != nil {
		return nil, err
	}
	w := &RawWorker{name: name, weight: weight, nc: nc, orders: make(chan *nats.Msg, 4096), ledger: ledger, done: map[string]bool{}}
	if _, err := nc.ChanSubscribe("ha.activate", w.orders); err != nil {
		nc.Close()
		return nil, fmt.Errorf("start worker %s: %w", name, err)
	}
	ctx, w.cancel = context.WithCancel(ctx)
	w.wg.Go(func() { w.run(ctx) })
	return w, nil
}

// Stop ends it without a goodbye.
func (w *RawWorker) Stop() {
	w.cancel()
	w.wg.Wait()
	w.nc.Close()
}

func (w *RawWorker) run(ctx context.Context) {
	w.register(ctx)
	beat := time.NewTimer(w.heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-w.orders:
			w.obey(ctx, msg)
		case <-beat.C:
			// Between two orders it runs nothing.
			if err := ask(ctx, w.nc, "ha.hb."+w.id, map[string]any{"running": []string{}}, nil); isUnknown(err) {
				w.register(ctx)
			}
			beat.Reset(w.heartbeat)
		}
	}
}

// register says hello until it is answered or ctx ends.
func (w *RawWorker) register(ctx context.Context) {
	hello := map[string]any{"message": "is someone there", "weight": w.weight, "name": w.name, "instance": nats.NewInbox()[len("_INBOX."):]}
	w.heartbeat = time.Hour
	for ctx.Err() == nil {
		var reply subjects.HelloReply
		if err := ask(ctx, w.nc, "ha.hello", hello, &reply); err == nil {
			w.id, w.heartbeat = string(reply.ID), time.Duration(reply.HeartbeatMS)*time.Millisecond
			w.epoch = max(w.epoch, uint64(reply.Epoch))
			return
		}
		_ = pause.Sleep(ctx, repeatAfter) // ctx ended: so does the loop
	}
}

// obey accepts an activation by the protocol's rules: it is for this worker, of no
// epoch that is over, and new.
func (w *RawWorker) obey(ctx context.Context, msg *nats.Msg) {
	at := time.Now()
	var order subjects.Activate
	if json.Unmarshal(msg.Data, &order) != nil || string(order.ID) != w.id ||
		order.Order != subjects.OrderActivate || uint64(order.Epoch) < w.epoch {
		return
	}
	w.epoch = uint64(order.Epoch)
	for _, one := range order.Work {
		name := string(one.Activation)
		if w.done[name] {
			continue
		}
		w.done[name] = true
		w.ledger.Accept(Acceptance{At: at, Worker: w.name, Activation: name, Epoch: w.epoch})
		w.finish(ctx, name)
	}
}

// finish says that the activation is done until that is durable.
func (w *RawWorker) finish(ctx context.Context, activation string) {
	free := map[string]any{"message": "i_am_available", "finished": []map[string]any{{"activation": activation, "outcome": "done"}}}
	for ctx.Err() == nil {
		err := ask(ctx, w.nc, "ha.available."+w.id, free, nil)
		var no *refusal
		switch {
		case err == nil:
			return
		case isUnknown(err):
			w.register(ctx)
			return
		case errors.As(err, &no) && no.status == "409": // nothing of it was ours any more
			return
		}
		_ = pause.Sleep(ctx, repeatAfter) // ctx ended: so does the loop
	}
}

func isUnknown(err error) bool {
	var no *refusal
	return errors.As(err, &no) && no.status == "404"
}
