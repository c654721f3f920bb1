package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
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

// Ports below those that systems give to connections and to listeners on port 0 by themselves: what is free here stays
// so unless somebody asks for it by number.
const (
	firstPort = 10_000
	ports     = 22_000
)

// nextPort counts the ports that were tried, from a random one, as other processes look for theirs at the same time.
var nextPort = func() *atomic.Uint32 {
	var n atomic.Uint32
	n.Store(rand.Uint32N(ports))
	return &n
}()

// FreeAddresses returns n addresses of this machine on which nobody listens at the moment. They are all different, and a
// process is given one again only after thousands of others; another process may take one before it is used. It may be
// called concurrently.
func FreeAddresses(ctx context.Context, n int) (addresses []string, err error) {
	var config net.ListenConfig
	var last error
	for tried := 0; len(addresses) < n; tried++ {
		if tried == ports {
			return nil, fmt.Errorf("find a free address: %w", last)
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(firstPort+nextPort.Add(1)%ports)))
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			if last = err; ctx.Err() != nil {
				return nil, fmt.Errorf("find a free address: %w", err)
			}
			continue
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("find a free address: %w", err)
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}
