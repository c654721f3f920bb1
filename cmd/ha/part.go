package main

import (
	"context"
	"fmt"
	"time"
)

// part is something that runs until it is told to stop: a dispatcher, a worker.
type part struct {
	name   string
	cancel context.CancelFunc
	// done is closed when run returned; err may be read after that.
	done chan struct{}
	err  error
}

// startPart runs run in a goroutine. Its context ends only by stop, so that
// parts can be stopped one after the other; of ctx it keeps the values.
// ended is called when run returned, for whatever reason; it must not block.
func startPart(ctx context.Context, name string, run func(context.Context) error, ended func(*part)) *part {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &part{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer cancel()
		p.err = run(ctx)
		close(p.done)
		ended(p)
	}()
	return p
}

// stop tells the parts to stop, all at once, and waits for them. The error is
// the first that one of them returned, or says which did not stop in time.
func stop(within time.Duration, parts ...*part) error {
	for _, p := range parts {
		p.cancel()
	}
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	var first error
	for _, p := range parts {
		select {
		case <-p.done:
		case <-timeout.C:
			return fmt.Errorf("%s did not stop within %s", p.name, within)
		}
		if p.err != nil && first == nil {
			first = fmt.Errorf("%s: %w", p.name, p.err)
		}
	}
	return first
}

// failure is what went wrong with a part that ended although nobody told it
// to. It may be called once p.done is closed.
func (p *part) failure() error {
	if p.err == nil {
		return fmt.Errorf("%s ended by itself", p.name)
	}
	return fmt.Errorf("%s: %w", p.name, p.err)
}
