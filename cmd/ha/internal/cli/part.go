package cli

import (
	"context"
	"fmt"
	"time"
)

// StopWithin bounds how long a command waits for a part that was told to stop.
const StopWithin = 10 * time.Second

// Part is something that runs until it is told to stop: a dispatcher, a worker.
type Part struct {
	name   string
	cancel context.CancelFunc
	// Done is closed when run has returned; err may be read after that.
	Done chan struct{}
	err  error
}

// StartPart runs run in a goroutine. Its context ends only by [StopParts], so that
// parts can be stopped one after the other; of ctx it keeps the values.
// ended is called when run returned, for whatever reason; it must not block.
func StartPart(ctx context.Context, name string, run func(context.Context) error, ended func(*Part)) *Part {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Part{name: name, cancel: cancel, Done: make(chan struct{})}
	go func() {
		defer cancel()
		p.err = run(ctx)
		close(p.Done)
		ended(p)
	}()
	return p
}

// StopParts tells the parts to stop, all at once, and waits for them. The error is
// the first that one of them returned, or says which did not stop in time.
func StopParts(within time.Duration, parts ...*Part) error {
	for _, p := range parts {
		p.cancel()
	}
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	var first error
	for _, p := range parts {
		select {
		case <-p.Done:
		case <-timeout.C:
			return fmt.Errorf("%s did not stop within %s", p.name, within)
		}
		if p.err != nil && first == nil {
			first = fmt.Errorf("%s: %w", p.name, p.err)
		}
	}
	return first
}

// Failure is what went wrong with a part that ended although nobody told it
// to. It may be called once Done is closed.
func (p *Part) Failure() error {
	if p.err == nil {
		return fmt.Errorf("%s ended by itself", p.name)
	}
	return fmt.Errorf("%s: %w", p.name, p.err)
}
