package worker_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/worker"
)

// A worker of weight 3 whose handler greets. The dispatcher here is a few lines
// of plain NATS that activate it once; see package dispatcher for the real one.
func Example() {
	server, err := embedded.Start(context.Background(), embedded.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	nc, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	if err := dispatchOne(nc, `{"activation":"a1"}`, stop); err != nil {
		log.Fatal(err)
	}

	w, err := worker.New(nc, worker.Config{
		Weight: 3,
		Name:   "east-1",
		Handler: func(_ context.Context, a ha.Activation) error {
			fmt.Println("running", a.ID)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Run(ctx); err != nil { // until ctx is cancelled
		log.Fatal(err)
	}
	fmt.Println("left after", w.Stats().Done, "activation")
	// Output:
	// hello of weight 3, kinds []
	// running a1
	// a1 done with result: none
	// bye
	// left after 1 activation
}

// A worker that handles tasks of the kind "area", whose payload and result are
// decoded and encoded for it, with a middleware that tells of each.
func ExampleWorker_Handle() {
	server, err := embedded.Start(context.Background(), embedded.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	nc, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	work := `{"activation":"a1","task":{"id":"t1","kind":"area","payload":{"width":3,"height":4},"attempt":1,"timeout_ms":60000}}`
	if err := dispatchOne(nc, work, stop); err != nil {
		log.Fatal(err)
	}

	w, err := worker.New(nc, worker.Config{Weight: 3, Slots: 8})
	if err != nil {
		log.Fatal(err)
	}
	type rectangle struct{ Width, Height int }
	w.Handle("area", worker.Typed(func(ctx context.Context, r rectangle) (map[string]int, error) {
		if r.Width < 0 || r.Height < 0 {
			return nil, ha.Permanent(errors.New("no such rectangle")) // trying again will not help
		}
		worker.SetProgress(ctx, 50, "multiplying")
		return map[string]int{"area": r.Width * r.Height}, nil
	}))
	w.Use(func(next worker.TaskHandler) worker.TaskHandler {
		return func(ctx context.Context, t ha.Task) (any, error) {
			fmt.Println("attempt", t.Attempt, "at", t.Kind, t.ID)
			return next(ctx, t)
		}
	})
	if err := w.Run(ctx); err != nil { // until ctx is cancelled
		log.Fatal(err)
	}
	// Output:
	// hello of weight 3, kinds [area]
	// attempt 1 at area t1
	// a1 done with result: {"area":12}
	// bye
}

// dispatchOne answers one worker, activates it once, with that work, and calls
// finished when the outcome has arrived.
func dispatchOne(nc *nats.Conn, work string, finished func()) error {
	serve := func(subject string, answer func(body []byte) string) error {
		_, err := nc.Subscribe(subject, func(msg *nats.Msg) {
			if err := msg.Respond([]byte(answer(msg.Data))); err != nil {
				log.Print(err)
			}
		})
		return err
	}
	hello := func(body []byte) string {
		var h struct {
			Weight int
			Kinds  []string
		}
		if err := json.Unmarshal(body, &h); err != nil {
			log.Print(err)
		}
		fmt.Printf("hello of weight %d, kinds %v\n", h.Weight, h.Kinds)
		order := `{"id":"w1","order":"activate","epoch":1,"work":[` + work + `]}`
		if err := nc.Publish("ha.activate", []byte(order)); err != nil {
			log.Print(err)
		}
		return `{"id":"w1","heartbeat_ms":5000,"reply_timeout_ms":2000,"misses":5,"evict_after_ms":45000,"activate":"ha.activate","epoch":1}`
	}
	available := func(body []byte) string {
		var a struct {
			Finished []struct {
				Activation, Outcome string
				Result              json.RawMessage
			}
		}
		if err := json.Unmarshal(body, &a); err != nil {
			log.Print(err)
		}
		for _, f := range a.Finished {
			fmt.Println(f.Activation, f.Outcome, "with result:", cmp.Or(string(f.Result), "none"))
		}
		finished()
		return `{"ok":true}`
	}
	bye := func([]byte) string {
		fmt.Println("bye")
		return `{"ok":true}`
	}
	for subject, answer := range map[string]func([]byte) string{
		"ha.hello": hello, "ha.available.w1": available, "ha.bye.w1": bye,
	} {
		if err := serve(subject, answer); err != nil {
			return err
		}
	}
	return nil
}
