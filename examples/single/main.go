// Command single runs a NATS server, a dispatcher and three workers in one
// program, until 30 activations are done, and counts who did them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/worker"
)

const enough = 30

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := node.Start(ctx, node.Config{Ephemeral: true, Dispatcher: dispatcher.Config{ActivateEvery: 50 * time.Millisecond}})
	if err != nil {
		return err
	}
	return errors.Join(count(ctx, n), n.Stop())
}

// count lets three workers run until enough activations are done.
func count(ctx context.Context, n *node.Node) error {
	nc, err := n.Connect("workers") // one for all here; processes of their own have their own
	if err != nil {
		return err
	}
	done := make(chan ha.Weight, 10*enough) // roomy: a handler is not to wait
	var stopWorkers []func() error
	for weight := ha.Weight(1); weight <= 3; weight++ {
		work := func(context.Context, ha.Activation) error { done <- weight; return nil }
		w, err := worker.New(nc, worker.Config{Weight: weight, Handler: work})
		if err != nil {
			return err
		}
		stopWorkers = append(stopWorkers, start(ctx, w.Run))
	}
	counts := make(map[ha.Weight]int)
	for range enough {
		select {
		case weight := <-done:
			counts[weight]++
		case <-ctx.Done():
		}
	}
	for _, stop := range stopWorkers { // they say goodbye while the dispatcher still listens
		err = errors.Join(err, stop())
	}
	for weight := ha.Weight(1); weight <= 3; weight++ {
		fmt.Printf("weight %d: %d activations\n", weight, counts[weight])
	}
	return errors.Join(err, ctx.Err())
}

// start runs run in a goroutine; the returned function ends it and waits.
func start(ctx context.Context, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() error { cancel(); return <-ended }
}
