// Command worker is a worker of one's own: a function, and what it takes to run
// it until Ctrl-C. It needs a NATS server with a dispatcher on it.
package main

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/worker"
)

// hash is the work: any function of this shape is.
func hash(_ context.Context, a ha.Activation) error {
	sum := sha512.Sum512([]byte(a.ID))
	_, err := fmt.Printf("activation %s: sha512 %x\n", a.ID, sum[:8])
	return err
}

func main() {
	if err := run(); errors.Is(err, ha.ErrDispatcherLost) {
		log.Fatal("the dispatcher is gone: ", err)
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println("drained")
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = nats.DefaultURL
	}
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	w, err := worker.New(nc, worker.Config{Weight: 5, Name: "hasher", Handler: hash})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}
