package role

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed261fe303/ha/bench/internal/queue"
)

type producer struct {
	settings queue.Settings
	queue    queue.Producer
	listener net.Listener
	// signals comes from the worker; it is accepted when first needed.
	signals net.Conn
}

func newProducer(ctx context.Context, c Config) (*producer, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", c.Socket)
	if err != nil {
		return nil, fmt.Errorf("listen for the worker: %w", err)
	}
	q, err := queue.NewProducer(ctx, c.Settings)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &producer{settings: c.Settings, queue: q, listener: listener}, nil
}

func (p *producer) do(ctx context.Context, o Order) (Answer, error) {
	switch o.Do {
	case DoSubmit:
		return p.submit(ctx, o)
	case DoPing:
		return p.ping(ctx, o)
	case DoPace:
		return p.pace(ctx, o)
	case DoSteady:
		return p.steady(ctx, o)
	case DoRoundTrip:
		return roundTrip(ctx, p.settings.URL, o.Tasks)
	}
	return Answer{}, errors.New("a producer does not do that")
}

func (p *producer) stop(context.Context) error {
	p.queue.Close()
	p.deafen()
	return p.listener.Close()
}

// submitBatch submits n tasks: one by itself, or several in the system's best way.
func (p *producer) submitBatch(ctx context.Context, n int) error {
	now := time.Now().UnixNano()
	if n == 1 {
		return p.queue.Submit(ctx, queue.NewPayload(now))
	}
	payloads := make([]queue.Payload, n)
	for i := range payloads {
		payloads[i] = queue.NewPayload(now)
	}
	return p.queue.SubmitMany(ctx, payloads)
}

func (p *producer) submit(ctx context.Context, o Order) (Answer, error) {
	var taken atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	begun := time.Now().UnixNano()
	for range o.Lanes {
		group.Go(func() error {
			for {
				first := int(taken.Add(int64(o.Batch))) - o.Batch
				if first >= o.Tasks {
					return nil
				}
				if err := p.submitBatch(ctx, min(o.Batch, o.Tasks-first)); err != nil {
					return err
				}
			}
		})
	}
	err := group.Wait()
	return Answer{Begun: begun, Ended: time.Now().UnixNano(), Tasks: int64(o.Tasks)}, err
}
