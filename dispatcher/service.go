package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// serveTimeout is how long the server may take to confirm the subscriptions.
const serveTimeout = 5 * time.Second

// inboxItem is one decoded request on its way to the loop: one for the term, or a question
// about its state.
type inboxItem struct {
	term.Request
	// ask is set instead of the rest but ReplyTo; its reply is sent when all before it is committed.
	// Nil: there will be one later.
	ask func(l *loop, from term.Caller) any
}

// inputItem is an input on its way to the loop.
func inputItem(in step.Input) inboxItem { return inboxItem{Request: term.Request{Input: in}} }

// decoder makes a request of a message's body. The worker is the one in the
// message's subject.
type decoder func(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error)

// subscribe subscribes to the requests of the table. Callbacks run until unsubscribe has ended
// them; they only decode, and hand over to inbox. After done is closed they drop what they get.
func (d *Dispatcher) subscribe(epoch ha.Epoch, inbox chan<- inboxItem, done <-chan struct{}) (*endpoints, error) {
	all := newEndpoints(d.names, epoch)
	take := func(m *nats.Msg) {
		began := time.Now()
		r, e, ok := d.receive(all, m)
		if ok {
			select {
			case inbox <- r:
			case <-done:
			}
		}
		if e != nil {
			e.handled.Add(int64(time.Since(began)))
		}
	}
	progress := &progressReports{done: done}
	serve := func(s subjects.Subscription, handle nats.MsgHandler) error {
		subject := s.Subject(d.names)
		sub, err := d.nc.QueueSubscribe(subject, micro.DefaultQueueGroup, handle)
		if err != nil {
			return fmt.Errorf("serve %s: %w", subject, err)
		}
		all.subs = append(all.subs, sub)
		return nil
	}
	table := subjects.Subscriptions()
	first := slices.IndexFunc(table, func(s subjects.Subscription) bool { return s.Name == progressName })
	if err := serve(table[first], progress.counted(take)); err != nil {
		return all, err
	}
	progress.sub = all.subs[0]
	for _, s := range slices.Delete(table, first, first+1) {
		handle := take
		if s.Name == availableName {
			handle = progress.before(take)
		}
		if err := serve(s, handle); err != nil {
			return all, err
		}
	}
	d.service.leading.Store(all)
	return all, nil
}

// confirmSubscriptions closes ready once the server has taken the subscriptions. Until it
// replies, or ctx ends, confirm asks again: a connection that breaks just now
// subscribes anew when it is back. It runs beside the loop, which has a lease to keep.
func (d *Dispatcher) confirmSubscriptions(ctx context.Context) {
	for ctx.Err() == nil {
		limit, cancel := context.WithTimeout(ctx, serveTimeout)
		err := d.nc.FlushWithContext(limit)
		cancel()
		if err == nil {
			d.readyOnce.Do(func() { close(d.ready) })
			return
		}
		_ = pause.Sleep(ctx, followRetry) // ctx ended: so does the loop
	}
}

// unsubscribe ends the subscriptions. The channel it returns is closed once their
// callbacks have handed over all that the server had delivered. It is never
// closed if that cannot be known; ctx ends the search for it.
func (d *Dispatcher) unsubscribe(ctx context.Context, all *endpoints) <-chan struct{} {
	drained := make(chan struct{})
	d.service.leading.Store(nil)
	if all != nil {
		for _, sub := range all.subs {
			if err := sub.Drain(); err != nil {
				d.cfg.Log.Debug().Err(err).Str("subject", sub.Subject).Msg("ending a subscription")
			}
		}
	}
	go func() {
		// After the flush nothing more comes from the server, and the barrier stands
		// in each subscription's queue behind what has come. Without a connection
		// nothing comes either.
		if d.nc.IsConnected() {
			if err := d.nc.FlushWithContext(ctx); err != nil {
				d.cfg.Log.Debug().Err(err).Msg("waiting for the last requests")
			}
		}
		if err := d.nc.Barrier(func() { close(drained) }); err != nil {
			close(drained) // the connection is closed, and its subscriptions with it
		}
	}()
	return drained
}

// decode makes what the loop handles of the request of that name.
func decode(name string, worker ha.WorkerID, strict bool, body []byte) (inboxItem, error) {
	if strict {
		return decodeStrict(name, worker, body)
	}
	return decoders[name](time.Now().UTC(), worker, body)
}

// decodeStrict decodes a request that is to be refused for what it has beside the fields of
// the protocol.
func decodeStrict(name string, worker ha.WorkerID, body []byte) (inboxItem, error) {
	now := time.Now().UTC()
	if name == "task-submit" {
		return submitItem(now)(subjects.DecodeSubmitStrict(body))
	}
	r, err := decoders[name](now, worker, body)
	if json.Valid(body) {
		if unknown := requestsByName[name].CheckNames(body); unknown != nil {
			return inboxItem{}, unknown
		}
	}
	return r, err
}

// requestsByName is the table of requests.
var requestsByName = func() map[string]subjects.Request {
	all := map[string]subjects.Request{}
	for _, r := range subjects.Requests() {
		all[r.Name] = r
	}
	return all
}()

// decoders make what the loop handles of each request in the table of requests, by its
// name. A request has its decoder in one of these lists.
var decoders = joined(fleetDecoders, taskDecoders, taskQueries, clusterDecoders)

func joined(lists ...map[string]decoder) map[string]decoder {
	all := map[string]decoder{}
	for _, list := range lists {
		maps.Copy(all, list)
	}
	return all
}

// fleetDecoders are those of the requests of workers and about them.
var fleetDecoders = map[string]decoder{
	"hello":     decodeHello,
	"heartbeat": decodeHeartbeat,
	"available": decodeAvailable,
	"bye":       decodeBye,
	"workers":   decodeWorkers,
	"status":    decodeStatus,
}

func decodeHello(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	h, err := subjects.DecodeHello(body)
	return inputItem(step.Hello{
		At: at, Weight: h.Weight, Name: h.Name, Pools: h.Pools, Kinds: h.Kinds, Slots: h.Slots, Instance: h.Instance, Direct: h.Direct,
	}), err
}

func decodeHeartbeat(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error) {
	hb, err := subjects.DecodeHeartbeat(body)
	return inputItem(step.Heartbeat{
		At: at, Worker: worker, Running: hb.Running, CPU: hb.CPU, MemoryBytes: hb.MemoryBytes, Leaving: hb.Leaving,
	}), err
}

func decodeAvailable(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error) {
	a, err := subjects.DecodeAvailable(body)
	in := step.Available{At: at, Worker: worker, Leaving: a.Leaving}
	if len(a.Finished) > 0 {
		in.Finished = make([]step.Finished, len(a.Finished))
	}
	for i := range a.Finished {
		f := &a.Finished[i]
		in.Finished[i] = step.Finished{
			Activation: f.Activation, Outcome: f.Outcome, Error: f.Error, Permanent: f.Permanent, Result: f.Result,
		}
	}
	return inputItem(in), err
}

func decodeBye(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error) {
	return inputItem(step.Bye{At: at, Worker: worker}), subjects.DecodeEmpty(body)
}

func decodeWorkers(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, after, err := subjects.DecodeWorkersRequest(body)
	return inboxItem{ask: func(l *loop, _ term.Caller) any { return l.workers(after, r.Limit) }}, err
}

func decodeStatus(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return inboxItem{ask: func(l *loop, _ term.Caller) any { return l.status() }}, subjects.DecodeEmpty(body)
}
