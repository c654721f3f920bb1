package role

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed261fe303/ha/bench/internal/queue"
)

// lookEvery is how often a worker looks whether it is through.
const lookEvery = 2 * time.Millisecond

type worker struct {
	queue   queue.Worker
	socket  string
	before  int64 // completed before it began
	handled atomic.Int64

	// Set before it begins.
	stamp  bool
	every  int64
	signal net.Conn

	mu   sync.Mutex
	took []time.Duration
}

func newWorker(ctx context.Context, c Config) (*worker, error) {
	w := &worker{socket: c.Socket}
	q, err := queue.NewWorker(ctx, c.Settings, w.handle)
	if err != nil {
		return nil, err
	}
	w.queue = q
	return w, nil
}

// handle is the handler of every task. It does nothing that was not ordered.
func (w *worker) handle(raw []byte) {
	var took time.Duration
	if w.stamp {
		took = w.measure(raw)
	}
	if n := w.handled.Add(1); w.every > 0 && n%w.every == 0 {
		// Where the producer is gone, it is its process that is missed.
		_, _ = w.signal.Write(binary.BigEndian.AppendUint64(nil, uint64(took)))
	}
}

func (w *worker) measure(raw []byte) time.Duration {
	now := time.Now()
	p, err := queue.DecodePayload(raw)
	if err != nil {
		panic(err) // a system that changes payloads has no place here
	}
	took := now.Sub(time.Unix(0, p.At))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took)
	return took
}

func (w *worker) do(ctx context.Context, o Order) (Answer, error) {
	switch o.Do {
	case DoStart:
		return w.start(ctx, o)
	case DoAwait:
		return w.await(ctx, int64(o.Tasks))
	case DoReport:
		w.mu.Lock()
		defer w.mu.Unlock()
		answer := Answer{Latency: summarize(w.took)}
		w.took = nil
		return answer, nil
	}
	return Answer{}, errors.New("a worker does not do that")
}

// start answers when it began; what a worker does to introduce itself counts.
func (w *worker) start(ctx context.Context, o Order) (Answer, error) {
	w.stamp, w.every = o.Stamp, int64(o.Every)
	var err error
	if w.every > 0 {
		var dialer net.Dialer
		if w.signal, err = dialer.DialContext(ctx, "unix", w.socket); err != nil {
			return Answer{}, fmt.Errorf("reach the producer: %w", err)
		}
	}
	if w.before, err = w.queue.Completed(ctx); err != nil {
		return Answer{}, err
	}
	begun := time.Now().UnixNano()
	return Answer{Begun: begun}, w.queue.Start(ctx)
}

// await first counts here, which costs nothing, and asks the server only at the
// end, so that the asking is no load while the clock runs.
func (w *worker) await(ctx context.Context, tasks int64) (Answer, error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if w.handled.Load() >= tasks {
			n, err := w.queue.Completed(ctx)
			if err != nil {
				return Answer{}, err
			}
			if n-w.before >= tasks {
				return Answer{Ended: time.Now().UnixNano(), Tasks: n - w.before}, nil
			}
		}
		select {
		case <-ctx.Done():
			return Answer{}, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func (w *worker) stop(ctx context.Context) error {
	err := w.queue.Stop(ctx)
	if w.signal != nil {
		err = errors.Join(err, w.signal.Close())
	}
	return err
}
