// Command tasks submits tasks and works on them, all in one program: pictures go
// through three steps, one by itself and three as a batch, after which comes a report.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/worker"
)

// picture is what the steps hand on: the result of one is the payload of the next.
type picture struct {
	Name  string `json:"name"`
	Width int    `json:"width"`
}

func fetch(_ context.Context, name string) (picture, error) {
	if name == "" {
		return picture{}, ha.Permanent(errors.New("a picture without a name")) // no other attempt would help
	}
	return picture{Name: name, Width: 4000}, nil
}

// resize fails at its first attempt, and is tried again.
func resize(ctx context.Context, p picture) (picture, error) {
	if t, _ := worker.TaskFrom(ctx); t.Attempt == 1 {
		return picture{}, errors.New("out of memory")
	}
	worker.SetProgress(ctx, 50, "resizing "+p.Name) // for those who watch
	p.Width /= 5
	return p, nil
}

func store(_ context.Context, p picture) (string, error) {
	return fmt.Sprintf("%s, %d pixels wide", p.Name, p.Width), nil
}

func report(_ context.Context, to string) (string, error) { return "dear " + to + ", all is done", nil }

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := node.Start(ctx, node.Config{Ephemeral: true})
	if err != nil {
		return err
	}
	return errors.Join(work(ctx, n), n.Stop())
}

// work runs a worker for as long as it takes to submit, and to wait for the results.
func work(ctx context.Context, n *node.Node) error {
	nc, err := n.Connect("worker")
	if err != nil {
		return err
	}
	w, err := worker.New(nc, worker.Config{Slots: 4})
	if err != nil {
		return err
	}
	w.Handle("fetch", worker.Typed(fetch))
	w.Handle("resize", worker.Typed(resize))
	w.Handle("store", worker.Typed(store))
	w.Handle("report", worker.Typed(report))
	stop := start(ctx, w.Run)
	err = submit(ctx, n.Client())
	return errors.Join(err, stop()) // it says goodbye while somebody listens
}

// submit is what another program would do, which needs a client and no more.
func submit(ctx context.Context, c *client.Client) error {
	one, err := steps("a.png")
	if err != nil {
		return err
	}
	id, err := c.Submit(ctx, one)
	if err != nil {
		return err
	}
	done, err := c.Wait(ctx, id)
	if err != nil {
		return err
	}
	for _, s := range done.Steps {
		fmt.Printf("%s: %s, attempts: %d\n", s.Kind, s.State, s.Attempts)
	}
	fmt.Printf("result: %s\n", done.Result)
	return batch(ctx, c)
}

// batch submits three at once, and a task that runs when they have ended.
func batch(ctx context.Context, c *client.Client) error {
	var many []ha.TaskSpec
	for _, name := range []string{"b.png", "c.png", ""} {
		task, err := steps(name)
		if err != nil {
			return err
		}
		task.Batch = "pictures"
		many = append(many, task)
	}
	answers, err := c.SubmitMany(ctx, many)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Err != nil { // each is refused by itself
			return a.Err
		}
	}
	then, err := ha.NewTask("report", "reader")
	if err != nil {
		return err
	}
	closed, err := c.CloseBatch(ctx, "pictures", &then)
	if err != nil {
		return err
	}
	last, err := c.Wait(ctx, closed.Then)
	if err != nil {
		return err
	}
	b, err := c.Batch(ctx, "pictures")
	if err != nil {
		return err
	}
	fmt.Printf("batch %s: %d completed, %d failed\nthen: %s\n", b.Name, b.Completed, b.Failed, last.Result)
	return nil
}

// steps is a task of three steps, whose kinds could be those of three workers.
func steps(name string) (ha.TaskSpec, error) {
	payload, err := json.Marshal(name)
	return ha.TaskSpec{
		Payload: payload,
		Steps:   []ha.Step{{Kind: "fetch"}, {Kind: "resize"}, {Kind: "store"}},
		Retry:   &ha.Retry{Backoff: ha.Milliseconds(10 * time.Millisecond)},
	}, err
}

// start runs run in a goroutine; the returned function ends it and waits.
func start(ctx context.Context, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() error { cancel(); return <-ended }
}
