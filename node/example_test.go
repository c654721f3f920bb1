package node_test

import (
	"context"
	"fmt"
	"log"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/worker"
)

// A whole system in one process: what it knows ends with it, as it has no Store.
func ExampleStart() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, err := node.Start(ctx, node.Config{Ephemeral: true})
	if err != nil {
		log.Fatal(err)
	}
	nc, err := n.Connect("worker")
	if err != nil {
		log.Fatal(err)
	}
	w, err := worker.New(nc, worker.Config{})
	if err != nil {
		log.Fatal(err)
	}
	w.Handle("double", worker.Typed(func(_ context.Context, n int) (int, error) { return 2 * n, nil }))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	task, err := ha.NewTask("double", 21)
	if err != nil {
		log.Fatal(err)
	}
	id, err := n.Client().Submit(ctx, task)
	if err != nil {
		log.Fatal(err)
	}
	record, err := n.Client().Wait(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(record.Result))

	cancel()
	fmt.Println(<-ended, n.Stop()) // the worker first, which says goodbye
	// Output:
	// 42
	// <nil> <nil>
}
