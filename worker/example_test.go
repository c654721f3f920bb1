package worker_test

import (
	"context"
	"encoding/json"
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
	if err := dispatchOne(nc, stop); err != nil {
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
	// hello of weight 3
	// running a1
	// a1 done
	// bye
	// left after 1 activation
}

// dispatchOne answers one worker, activates it once, and calls finished when
// the outcome has arrived.
func dispatchOne(nc *nats.Conn, finished func()) error {
	serve := func(subject string, answer func(body []byte) string) error {
		_, err := nc.Subscribe(subject, func(msg *nats.Msg) {
			if err := msg.Respond([]byte(answer(msg.Data))); err != nil {
				log.Print(err)
			}
		})
		return err
	}
	hello := func(body []byte) string {
		var h struct{ Weight int }
		if err := json.Unmarshal(body, &h); err != nil {
			log.Print(err)
		}
		fmt.Println("hello of weight", h.Weight)
		order := `{"id":"w1","order":"activate","epoch":1,"work":[{"activation":"a1"}]}`
		if err := nc.Publish("ha.activate", []byte(order)); err != nil {
			log.Print(err)
		}
		return `{"id":"w1","heartbeat_ms":5000,"reply_timeout_ms":2000,"misses":5,"evict_after_ms":45000,"activate":"ha.activate","epoch":1}`
	}
	available := func(body []byte) string {
		var a struct {
			Finished []struct{ Activation, Outcome string }
		}
		if err := json.Unmarshal(body, &a); err != nil {
			log.Print(err)
		}
		for _, f := range a.Finished {
			fmt.Println(f.Activation, f.Outcome)
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
