package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// ServiceName is the name under which "nats micro" finds the dispatchers.
const ServiceName = "ha"

// serviceVersion is the version of the protocol in the form micro services use.
const serviceVersion = "1.0.0"

// serveTimeout is how long the server may take to confirm the subscriptions.
const serveTimeout = 5 * time.Second

// inboxItem is one decoded request on its way to the loop: one for the term, or a question
// about its state.
type inboxItem struct {
	term.Request
	// ask is set instead of the rest but ReplyTo; its reply is sent when all before it is committed.
	// Nil: there will be one later.
	ask func(l *loop, replyTo string) any
}

// inputItem is an input on its way to the loop.
func inputItem(in step.Input) inboxItem { return inboxItem{Request: term.Request{Input: in}} }

// decoder makes a request of a message's body. The worker is the one in the
// message's subject.
type decoder func(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error)

// registerService makes this dispatcher known as a micro service without endpoints, which
// is what a standby is. leads is the epoch of its leadership; 0: it does not lead.
func (d *Dispatcher) registerService(leads ha.Epoch) (micro.Service, error) {
	metadata := map[string]string{"name": d.cfg.Name, "prefix": d.names.Prefix(), "role": string(journal.RoleStandby)}
	if leads > 0 {
		metadata["role"], metadata["epoch"] = string(journal.RoleLeader), strconv.FormatUint(uint64(leads), 10)
	}
	svc, err := micro.AddService(d.nc, micro.Config{
		Name:        ServiceName,
		Version:     serviceVersion,
		Description: "weighted dispatcher " + d.cfg.Name,
		Metadata:    metadata,
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			d.serviceError(err)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("introduce the service: %w", err)
	}
	return svc, nil
}

// registerLeader registers the service anew, as that of the leader: what it says of itself
// cannot be changed. The one before is stopped first, as each puts the connection's error
// handler back that it found. If there is an error, the service is the one before, stopped.
func (d *Dispatcher) registerLeader(standby micro.Service, epoch ha.Epoch) (micro.Service, error) {
	if err := standby.Stop(); err != nil {
		d.cfg.Log.Debug().Err(err).Msg("stopping the service")
	}
	leader, err := d.registerService(epoch)
	if err != nil {
		return standby, err
	}
	return leader, nil
}

// subscribe subscribes to the requests of the table as endpoints of svc, one for each
// subscription. Callbacks run until the service is stopped; they only decode, and hand
// over to inbox. After done is closed they drop what they get. Reports of progress have a subscription
// that is no endpoint.
func (d *Dispatcher) subscribe(svc micro.Service, inbox chan<- inboxItem, done <-chan struct{}) (*progressReports, error) {
	progress, err := d.listenToProgress(inbox, done)
	if err != nil {
		return nil, err
	}
	handle := d.handler(inbox, done)
	for _, s := range subjects.Subscriptions() {
		if s.Name == progressName {
			continue
		}
		handle := handle
		if s.Name == availableName {
			handle = progress.before(handle)
		}
		subject := s.Subject(d.names)
		if err := svc.AddEndpoint(s.Name, handle, micro.WithEndpointSubject(subject)); err != nil {
			return progress, fmt.Errorf("serve %s: %w", subject, err)
		}
	}
	return progress, nil
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
func (d *Dispatcher) unsubscribe(ctx context.Context, svc micro.Service, progress *progressReports) <-chan struct{} {
	drained := make(chan struct{})
	if progress != nil {
		progress.stop()
	}
	if err := svc.Stop(); err != nil {
		d.cfg.Log.Warn().Err(err).Msg("stopping the service")
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

func (d *Dispatcher) serviceError(err *micro.NATSError) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		d.dropped.Add(1)
	}
	d.cfg.Log.Warn().Str("subject", err.Subject).Str("error", err.Description).Msg("subscription")
}

func (d *Dispatcher) handler(inbox chan<- inboxItem, done <-chan struct{}) micro.Handler {
	return micro.HandlerFunc(func(req micro.Request) {
		r, err := d.decode(req.Subject(), req.Headers().Get(subjects.HeaderStrict) == "true", req.Data())
		if err != nil {
			d.refuse(req, err)
			return
		}
		r.ReplyTo = req.Reply()
		select {
		case inbox <- r:
		case <-done:
		}
	})
}

func (d *Dispatcher) decode(subject string, strict bool, body []byte) (inboxItem, error) {
	s, name, err := d.names.ParseRequest(subject)
	if err != nil {
		return inboxItem{}, err
	}
	if strict {
		return decodeStrict(name, s.Worker, body)
	}
	return decoders[name](time.Now().UTC(), s.Worker, body)
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

// refuse is the reply to a malformed message. It never reaches the loop.
func (d *Dispatcher) refuse(req micro.Request, err error) {
	d.malformed.Add(1)
	d.cfg.Log.Debug().Err(err).Str("subject", req.Subject()).Int("bytes", len(req.Data())).Msg("malformed message refused")
	if req.Reply() == "" {
		return
	}
	refusal, body := subjects.EncodeError(err)
	if err := req.Error(strconv.Itoa(refusal.Status), subjects.HeaderText(refusal.Message), body); err != nil {
		d.cfg.Log.Warn().Err(err).Str("subject", req.Subject()).Msg("answering a malformed message")
	}
}

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
	return inboxItem{ask: func(l *loop, _ string) any { return l.workers(after, r.Limit) }}, err
}

func decodeStatus(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return inboxItem{ask: func(l *loop, _ string) any { return l.status() }}, subjects.DecodeEmpty(body)
}
