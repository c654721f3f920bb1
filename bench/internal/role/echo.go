package role

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// echoSubject is what the echo answers.
const echoSubject = "bench.echo"

// echo answers each plain NATS request with what it says.
type echo struct {
	nc *nats.Conn
}

func newEcho(c Config) (*echo, error) {
	nc, err := nats.Connect(c.Settings.URL)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	_, err = nc.Subscribe(echoSubject, func(m *nats.Msg) {
		_ = m.Respond(m.Data) // the requester notices
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return &echo{nc: nc}, nil
}

func (e *echo) do(context.Context, Order) (Answer, error) {
	return Answer{}, errors.New("an echo does nothing but answer")
}

func (e *echo) stop(context.Context) error {
	e.nc.Close()
	return nil
}

// roundTrip measures requests of 200 bytes, one at a time.
func roundTrip(ctx context.Context, url string, times int) (Answer, error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return Answer{}, fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	request := make([]byte, 200)
	took := make([]time.Duration, 0, times)
	for range times {
		began := time.Now()
		if _, err := nc.RequestWithContext(ctx, echoSubject, request); err != nil {
			return Answer{}, fmt.Errorf("request: %w", err)
		}
		took = append(took, time.Since(began))
	}
	// The first ones find cold caches, and the subscription for answers.
	return Answer{Tasks: int64(times), Latency: summarize(took[times/10:])}, nil
}
