package role

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed261fe303/ha/bench/internal/queue"
)

// signalWithin bounds the wait for one signal of the worker.
const signalWithin = 30 * time.Second

// receive waits for the next signal of the worker.
func (p *producer) receive() (time.Duration, error) {
	deadline := time.Now().Add(signalWithin)
	if p.signals == nil {
		if listener, ok := p.listener.(*net.UnixListener); ok {
			if err := listener.SetDeadline(deadline); err != nil {
				return 0, fmt.Errorf("await the worker: %w", err)
			}
		}
		conn, err := p.listener.Accept()
		if err != nil {
			return 0, fmt.Errorf("await the worker: %w", err)
		}
		p.signals = conn
	}
	if err := p.signals.SetReadDeadline(deadline); err != nil {
		return 0, fmt.Errorf("await a signal: %w", err)
	}
	var b [8]byte
	if _, err := io.ReadFull(p.signals, b[:]); err != nil {
		return 0, fmt.Errorf("await a signal: %w", err)
	}
	return time.Duration(binary.BigEndian.Uint64(b[:])), nil
}

// deafen closes the way for signals. The worker, which may still have some to send,
// then fails to, where it would otherwise block.
func (p *producer) deafen() {
	if p.signals != nil {
		_ = p.signals.Close() // nothing was written to it
		p.signals = nil
	}
}

// ping pauses between two tasks, so that what the system does when a task ends is
// over before the next one, and so that nothing falls in step with its timers.
func (p *producer) ping(ctx context.Context, o Order) (Answer, error) {
	defer p.deafen()
	began := time.Now()
	until := began.Add(time.Duration(o.Seconds * float64(time.Second)))
	var took []time.Duration
	pause := time.NewTimer(0)
	defer pause.Stop()
	for len(took) < o.Tasks && time.Now().Before(until) {
		select {
		case <-ctx.Done():
			return Answer{}, context.Cause(ctx)
		case <-pause.C:
		}
		if err := p.queue.Submit(ctx, queue.NewPayload(time.Now().UnixNano())); err != nil {
			return Answer{}, err
		}
		d, err := p.receive()
		if err != nil {
			return Answer{}, err
		}
		took = append(took, d)
		pause.Reset(time.Millisecond + rand.N(2*time.Millisecond))
	}
	return Answer{Begun: began.UnixNano(), Ended: time.Now().UnixNano(), Tasks: int64(len(took)), Latency: summarize(took)}, nil
}

// pace stamps each task when it is due, not when a lane gets round to it, so that
// a system that stalls is charged for those that had to wait.
func (p *producer) pace(ctx context.Context, o Order) (Answer, error) {
	group, ctx := errgroup.WithContext(ctx)
	total := int(o.Rate * o.Seconds)
	due := make(chan int64, total+1)
	for range o.Lanes {
		group.Go(func() error {
			for at := range due {
				if err := p.queue.Submit(ctx, queue.NewPayload(at)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	began := time.Now()
	group.Go(func() error {
		defer close(due)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for sent := 0; sent < total; {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case now := <-ticker.C:
				for want := min(total, int(now.Sub(began).Seconds()*o.Rate)); sent < want; sent++ {
					due <- time.Now().UnixNano()
				}
			}
		}
		return nil
	})
	err := group.Wait()
	return Answer{Begun: began.UnixNano(), Ended: time.Now().UnixNano(), Tasks: int64(total)}, err
}

// steady keeps as many tasks outstanding as there are when it begins: for each
// batch that the worker has handled it submits one. The first second is not
// counted. What it answers is how many were handled between Begun and Ended.
func (p *producer) steady(ctx context.Context, o Order) (Answer, error) {
	defer p.deafen()
	group, ctx := errgroup.WithContext(ctx)
	tokens := make(chan struct{}, 1<<20) // more than the worker can be ahead
	for range o.Lanes {
		group.Go(func() error {
			for range tokens {
				if err := p.submitBatch(ctx, o.Batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var answer Answer
	group.Go(func() error {
		defer close(tokens)
		began := time.Now()
		until := began.Add(time.Second + time.Duration(o.Seconds*float64(time.Second)))
		for ctx.Err() == nil {
			if _, err := p.receive(); err != nil {
				return err
			}
			now := time.Now()
			switch {
			case now.After(until):
				return nil
			case now.Sub(began) < time.Second:
			case answer.Begun == 0:
				answer.Begun = now.UnixNano()
			default:
				answer.Ended = now.UnixNano()
				answer.Tasks += int64(o.Batch)
			}
			tokens <- struct{}{}
		}
		return context.Cause(ctx)
	})
	if err := group.Wait(); err != nil {
		return answer, err
	}
	if answer.Tasks == 0 {
		return answer, fmt.Errorf("the worker handled nothing in time: %w", os.ErrDeadlineExceeded)
	}
	return answer, nil
}
