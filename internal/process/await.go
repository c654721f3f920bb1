package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// pollEvery is the time between two looks at a condition.
const pollEvery = 10 * time.Millisecond

// Await tries until it succeeds. try is given a context that ends when the time is
// up. The error says what was waited for and wraps what stood in the way at last; it
// matches [context.DeadlineExceeded] if the time was up, the context's cause if ctx
// ended first, and [ErrEnded] if try's did, after which there is nothing to wait for.
func Await(ctx context.Context, what string, within time.Duration, try func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := try(limited)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrEnded) {
			return fmt.Errorf("await %s: %w", what, err)
		}
		select {
		case <-ticker.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("await %s: %w: %w", what, context.Cause(ctx), err)
			}
			return fmt.Errorf("await %s: not within %s: %w: %w", what, within, context.DeadlineExceeded, err)
		}
	}
}

// FreeAddresses returns n addresses of this machine on which nobody listens at
// the moment. They are all different; another process may take one before it is used.
func FreeAddresses(ctx context.Context, n int) (addresses []string, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held { // held until all are chosen
			err = errors.Join(err, l.Close())
		}
	}()
	var config net.ListenConfig
	for range n {
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free address: %w", err)
		}
		held = append(held, l)
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
