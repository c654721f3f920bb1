package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/hatest"
	"github.com/seed261fe303/ha/worker"
)

// picture is the payload of the examples' tasks.
type picture struct {
	Path  string `json:"path"`
	Width int    `json:"width"`
}

// A program that hands in a task and waits for its result. It needs a NATS server, a
// dispatcher and a worker that handles the kind "resize".
func Example() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New(nc, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	task, err := ha.NewTask("resize", picture{Path: "a.png", Width: 800})
	if err != nil {
		log.Fatal(err)
	}
	id, err := c.Submit(ctx, task)
	if err != nil {
		log.Fatal(err)
	}
	record, err := c.Wait(ctx, id)
	switch {
	case errors.Is(err, ha.ErrTaskFailed):
		fmt.Println("failed after", record.Failures, "attempts:", record.Error)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Printf("done by %s in %s: %s\n", record.Worker, record.EndedAt.Sub(record.StartedAt), record.Result)
	}
}

// A function that runs on a worker, wherever that is. The queue stands for a client of a
// running system, as in a test.
func ExampleCall() {
	var c hatest.Queue
	c.Handle("resize", worker.Typed(func(_ context.Context, p picture) (picture, error) {
		return picture{Path: "thumb-" + p.Path, Width: p.Width / 10}, nil
	}))

	thumb, err := client.Call[picture, picture](context.Background(), &c, "resize", picture{Path: "a.png", Width: 800})
	fmt.Println(thumb.Path, thumb.Width, err)
	// Output: thumb-a.png 80 <nil>
}

// Results that were pulled, as what they are.
func ExampleClient_Pull() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New(nc, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	results, err := c.Pull(context.Background(), client.PullOptions{Kind: "resize"})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		thumb, err := ha.DecodeResult[picture](r.Result)
		fmt.Println(r.ID, thumb.Path, err)
	}
}

// Only one report of a day is to be made at a time: the task that makes it has a
// unique key, and whoever comes second waits for the first.
func ExampleNotUniqueError() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New(nc, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	id, err := c.Submit(ctx, ha.TaskSpec{Kind: "report", UniqueKey: "report-2030-01-31"})
	if other, ok := errors.AsType[*client.NotUniqueError](err); ok {
		id, err = other.Holder, nil
	}
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Wait(ctx, id); err != nil {
		log.Fatal(err)
	}
}

// Many tasks at once: those that a full backlog refused are handed in again, and one
// that is wrong is left out.
func ExampleClient_SubmitMany() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New(nc, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	tasks := make([]ha.TaskSpec, 100_000)
	for i := range tasks {
		task, err := ha.NewTask("resize", picture{Path: fmt.Sprintf("%d.png", i), Width: 800})
		if err != nil {
			log.Fatal(err)
		}
		tasks[i] = task
	}
	for len(tasks) > 0 {
		answers, err := c.SubmitMany(ctx, tasks)
		if err != nil {
			log.Fatal(err) // nobody answers
		}
		again := tasks[:0]
		for i, a := range answers {
			switch {
			case errors.Is(a.Err, ha.ErrOverloaded):
				tasks[i].ID = a.ID
				again = append(again, tasks[i])
			case a.Err != nil:
				log.Print(a.Err)
			}
		}
		if tasks = again; len(tasks) > 0 {
			<-time.After(time.Second)
		}
	}
}

// Everything that happens to the tasks of one kind, for as long as the program runs.
func ExampleClient_Watch() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New(nc, client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range c.Watch(context.Background(), client.WatchFilter{Kind: "resize"}) {
		switch {
		case errors.Is(err, client.ErrDropped):
			log.Print(err) // and more to come
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(event.At, event.Task, event.What, event.Percent)
		}
	}
}
