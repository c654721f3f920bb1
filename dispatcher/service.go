package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// ServiceName is the name under which "nats micro" finds the dispatchers.
const ServiceName = "ha"

// serviceVersion is the version of the protocol in the form micro services use.
const serviceVersion = "1.0.0"

// serveTimeout is how long the server may take to confirm the subscriptions.
const serveTimeout = 5 * time.Second

// request is one decoded message on its way to the loop: an input for the core,
// or a question about it.
type request struct {
	input core.Input
	// submissions is set instead of input where many tasks are submitted at once.
	submissions []subjects.Submission
	at          time.Time
	// ask is set instead of input; its answer is sent when all before it is committed.
	// Nil: there will be one later.
	ask     func(l *loop, replyTo string) any
	replyTo string
}

// decoder makes a request of a message's body. The worker is the one in the
// message's subject.
type decoder func(at time.Time, worker ha.WorkerID, body []byte) (request, error)

// introduce makes this dispatcher known as a micro service without endpoints,
// which is what a standby is.
func (d *Dispatcher) introduce() (micro.Service, error) {
	svc, err := micro.AddService(d.nc, micro.Config{
		Name:        ServiceName,
		Version:     serviceVersion,
		Description: "weighted dispatcher " + d.cfg.Name,
		Metadata:    map[string]string{"name": d.cfg.Name, "prefix": d.names.Prefix()},
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			d.serviceError(err)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("introduce the service: %w", err)
	}
	return svc, nil
}

// serve subscribes to the request subjects as endpoints of svc. Callbacks run
// until the service is stopped; they only decode, and hand over to inbox. After
// done is closed they drop what they get.
func (d *Dispatcher) serve(svc micro.Service, inbox chan<- request, done <-chan struct{}) error {
	endpoints := []struct {
		name, subject string
		decode        decoder
	}{
		{"hello", d.names.Hello(), decodeHello},
		{"heartbeat", d.names.HeartbeatAll(), decodeHeartbeat},
		{"available", d.names.AvailableAll(), decodeAvailable},
		{"bye", d.names.ByeAll(), decodeBye},
		{"workers", d.names.Workers(), decodeWorkers},
		{"status", d.names.Status(), decodeStatus},
		{"progress", d.names.ProgressAll(), decodeProgress},
		{"task-submit", d.names.Task(subjects.TaskSubmit), decodeSubmit},
		{"task-get", d.names.Task(subjects.TaskGet), decodeTaskGet},
		{"task-wait", d.names.Task(subjects.TaskWait), decodeTaskWait},
		{"task-list", d.names.Task(subjects.TaskList), decodeTaskList},
		{"task-cancel", d.names.Task(subjects.TaskCancel), decodeTaskCancel},
		{"task-retry", d.names.Task(subjects.TaskRetry), decodeTaskRetry},
		{"task-pull", d.names.Task(subjects.TaskPull), decodeTaskPull},
		{"task-pause", d.names.Task(subjects.TaskPause), decodeTaskPause},
		{"task-resume", d.names.Task(subjects.TaskResume), decodeTaskResume},
		{"task-limit", d.names.Task(subjects.TaskLimit), decodeTaskLimit},
		{"task-stats", d.names.Task(subjects.TaskStats), decodeTaskStats},
		{"task-batch", d.names.Task(subjects.TaskBatch), decodeTaskBatch},
	}
	for _, e := range endpoints {
		handle := d.handler(e.decode, inbox, done)
		if err := svc.AddEndpoint(e.name, handle, micro.WithEndpointSubject(e.subject)); err != nil {
			return fmt.Errorf("serve %s: %w", e.subject, err)
		}
	}
	return nil
}

// confirm closes ready once the server has taken the subscriptions. Until it
// answers, or ctx ends, confirm asks again: a connection that breaks just now
// subscribes anew when it is back. It runs beside the loop, which has a lease to keep.
func (d *Dispatcher) confirm(ctx context.Context) {
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

// withdraw ends the subscriptions. The channel it returns is closed once their
// callbacks have handed over all that the server had delivered. It is never
// closed where that cannot be known; ctx ends the search for it.
func (d *Dispatcher) withdraw(ctx context.Context, svc micro.Service) <-chan struct{} {
	drained := make(chan struct{})
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

func (d *Dispatcher) handler(decode decoder, inbox chan<- request, done <-chan struct{}) micro.Handler {
	return micro.HandlerFunc(func(req micro.Request) {
		r, err := d.decode(decode, req)
		if err != nil {
			d.refuse(req, err)
			return
		}
		r.replyTo = req.Reply()
		select {
		case inbox <- r:
		case <-done:
		}
	})
}

func (d *Dispatcher) decode(decode decoder, req micro.Request) (request, error) {
	s, err := d.names.Parse(req.Subject())
	if err != nil {
		return request{}, err
	}
	return decode(time.Now().UTC(), s.Worker, req.Data())
}

// refuse answers a malformed message. It never reaches the loop.
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

func decodeHello(at time.Time, _ ha.WorkerID, body []byte) (request, error) {
	h, err := subjects.DecodeHello(body)
	return request{input: core.Hello{
		At: at, Weight: h.Weight, Name: h.Name, Pools: h.Pools, Kinds: h.Kinds, Slots: h.Slots, Instance: h.Instance, Direct: h.Direct,
	}}, err
}

func decodeHeartbeat(at time.Time, worker ha.WorkerID, body []byte) (request, error) {
	hb, err := subjects.DecodeHeartbeat(body)
	return request{input: core.Heartbeat{
		At: at, Worker: worker, Running: hb.Running, CPU: hb.CPU, MemoryBytes: hb.MemoryBytes,
	}}, err
}

func decodeAvailable(at time.Time, worker ha.WorkerID, body []byte) (request, error) {
	a, err := subjects.DecodeAvailable(body)
	in := core.Available{At: at, Worker: worker}
	if len(a.Finished) > 0 {
		in.Finished = make([]core.Finished, len(a.Finished))
	}
	for i := range a.Finished {
		f := &a.Finished[i]
		in.Finished[i] = core.Finished{
			Activation: f.Activation, Outcome: f.Outcome, Error: f.Error, Permanent: f.Permanent, Result: f.Result,
		}
	}
	return request{input: in}, err
}

func decodeBye(at time.Time, worker ha.WorkerID, body []byte) (request, error) {
	return request{input: core.Bye{At: at, Worker: worker}}, subjects.DecodeEmpty(body)
}

func decodeWorkers(_ time.Time, _ ha.WorkerID, body []byte) (request, error) {
	r, after, err := subjects.DecodeWorkersRequest(body)
	return request{ask: func(l *loop, _ string) any { return l.workers(after, r.Limit) }}, err
}

func decodeStatus(_ time.Time, _ ha.WorkerID, body []byte) (request, error) {
	return request{ask: func(l *loop, _ string) any { return l.status() }}, subjects.DecodeEmpty(body)
}
