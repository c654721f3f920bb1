package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/worker"
)

func haConnect(url, name string) (*nats.Conn, *client.Client, error) {
	nc, err := nats.Connect(url, connect.Options(name, zerolog.Nop())...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS: %w", err)
	}
	c, err := client.New(nc, client.Config{})
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, c, nil
}

type haProducer struct {
	nc     *nats.Conn
	client *client.Client
	// apart, if set, has clients for one call at a time each.
	apart *sync.Pool
}

func newHAProducer(s Settings) (*haProducer, error) {
	nc, c, err := haConnect(s.URL, "bench-producer")
	if err != nil {
		return nil, err
	}
	p := &haProducer{nc: nc, client: c}
	if s.Apart {
		p.apart = &sync.Pool{New: func() any {
			own, _ := client.New(nc, client.Config{}) // as c was made, without an error
			return own
		}}
	}
	return p, nil
}

func (p *haProducer) Submit(ctx context.Context, payload Payload) error {
	spec, err := ha.NewTask(Kind, payload)
	if err != nil {
		return err
	}
	c := p.client
	if p.apart != nil {
		c, _ = p.apart.Get().(*client.Client) // there is nothing else in it
		defer p.apart.Put(c)
	}
	_, err = c.Submit(ctx, spec)
	return err
}

func (p *haProducer) SubmitMany(ctx context.Context, payloads []Payload) error {
	specs := make([]ha.TaskSpec, len(payloads))
	for i, payload := range payloads {
		spec, err := ha.NewTask(Kind, payload)
		if err != nil {
			return err
		}
		specs[i] = spec
	}
	submitted, err := p.client.SubmitMany(ctx, specs)
	if err != nil {
		return err
	}
	for _, s := range submitted {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}

func (p *haProducer) Close() { p.nc.Close() }

type haWorker struct {
	nc     *nats.Conn
	client *client.Client
	worker *worker.Worker
	cancel context.CancelFunc
	ended  chan error
}

func newHAWorker(s Settings, h Handler) (*haWorker, error) {
	nc, c, err := haConnect(s.URL, "bench-worker")
	if err != nil {
		return nil, err
	}
	w, err := worker.New(nc, worker.Config{Weight: 1, Slots: s.Slots})
	if err != nil {
		nc.Close()
		return nil, err
	}
	w.Handle(Kind, func(_ context.Context, t ha.Task) (any, error) {
		h(t.Payload)
		return nil, nil // no result, no error
	})
	return &haWorker{nc: nc, client: c, worker: w, ended: make(chan error, 1)}, nil
}

// Start waits until the dispatcher knows the worker.
func (w *haWorker) Start(ctx context.Context) error {
	var running context.Context
	running, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() { w.ended <- w.worker.Run(running) }()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for w.worker.ID() == "" {
		select {
		case err := <-w.ended:
			w.ended <- err
			return fmt.Errorf("start worker: %w", errors.Join(errors.New("it ended at once"), err))
		case <-ctx.Done():
			return fmt.Errorf("start worker: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
	return nil
}

func (w *haWorker) Completed(ctx context.Context) (int64, error) {
	report, err := w.client.Stats(ctx)
	if err != nil {
		return 0, err
	}
	for _, k := range report.Kinds {
		if k.Kind == Kind {
			return int64(k.Completed), nil
		}
	}
	return 0, nil // nothing of the kind was submitted yet
}

func (w *haWorker) Stop(ctx context.Context) error {
	defer w.nc.Close()
	if w.cancel == nil {
		return nil
	}
	w.cancel()
	select {
	case err := <-w.ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("stop worker: %w", context.Cause(ctx))
	}
}
