package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/proof/harness"
)

// world is what all clients share.
type world struct {
	nc    *nats.Conn
	began time.Time

	mu       sync.Mutex
	problems []string
}

func newWorld(servers []string) (*world, error) {
	nc, err := harness.Connect("linear", servers)
	if err != nil {
		return nil, err
	}
	return &world{nc: nc, began: time.Now()}, nil
}

// wrong notes what no history is needed for to call it wrong.
func (w *world) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// found returns what was wrong so far.
func (w *world) found() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.problems
}

// ask sends a request and waits for the answer even if ctx ends meanwhile: what was asked
// belongs into the history. A dispatcher that says that it failed, or stops, may have done
// it; what was not sent, as there was no connection, nobody did.
func (w *world) ask(ctx context.Context, topic string, request, reply any) (answer harness.CallOutcome, status string, err error) {
	answer, status, err = harness.Call(context.WithoutCancel(ctx), w.nc, topic, request, reply)
	switch {
	case status == "500", status == "503":
		answer = harness.Unknown
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		answer = harness.NoResponders
	}
	return answer, status, err
}

// scene is what clients do to a world, and the history of it.
type scene interface {
	// clients returns what each client does until the context ends.
	clients() []func(ctx context.Context, client int, rng *rand.Rand)
	// finish looks at what is there at the end.
	finish(ctx context.Context)
	// record returns the history.
	record() *history
}

// work sets the clients of all scenes to work. The function it returns ends them.
func work(ctx context.Context, seed uint64, scenes []scene) (rest func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	client := 0
	for _, s := range scenes {
		for _, do := range s.clients() {
			client++
			id, rng := client, rand.New(rand.NewPCG(seed, uint64(client)))
			wg.Go(func() { do(ctx, id, rng) })
		}
	}
	return func() {
		cancel()
		wg.Wait()
	}
}
