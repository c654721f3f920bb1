package hatest_test

import (
	"context"
	"fmt"
	"log"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/hatest"
	"github.com/seed261fe303/ha/worker"
)

// A Queue stands in for a client and the dispatcher and workers behind it.
func ExampleQueue() {
	var q hatest.Queue
	q.Handle("double", worker.Typed(func(_ context.Context, n int) (int, error) { return 2 * n, nil }))
	task, err := ha.NewTask("double", 21)
	if err != nil {
		log.Fatal(err)
	}
	id, err := q.Submit(context.Background(), task)
	if err != nil {
		log.Fatal(err)
	}
	record, err := q.Wait(context.Background(), id)
	fmt.Println(id, record.State, string(record.Result), err)
	// Output: t1-1 completed 42 <nil>
}
