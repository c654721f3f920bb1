package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// stopWithin bounds how long a process takes to end in order.
const stopWithin = 15 * time.Second

// actor carries out orders, one after the other.
type actor interface {
	do(ctx context.Context, o Order) (Answer, error)
	stop(ctx context.Context) error
}

// Main is the whole of a process: config is the JSON of a [Config]. It ends when
// standard input does, which it also does when the comparing program dies.
func Main(config string) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var c Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return fmt.Errorf("read the role: %w", err)
	}
	orders := make(chan Order)
	go func() {
		defer close(orders)
		defer cancel(errors.New("standard input ended"))
		read(os.Stdin, orders)
	}()
	answers := json.NewEncoder(os.Stdout)
	a, err := newActor(ctx, c)
	if err != nil {
		return errors.Join(err, answers.Encode(Answer{Error: err.Error()}))
	}
	if err := answers.Encode(Answer{}); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	for o := range orders {
		answer, err := a.do(ctx, o)
		if err != nil {
			answer.Error = fmt.Sprintf("%s: %v", o.Do, err)
		}
		if err := answers.Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer done()
	return a.stop(ctx)
}

func read(in io.Reader, orders chan<- Order) {
	for decoder := json.NewDecoder(in); ; {
		var o Order
		if err := decoder.Decode(&o); err != nil {
			return // the end; we wrote the orders ourselves
		}
		orders <- o
	}
}

func newActor(ctx context.Context, c Config) (actor, error) {
	switch c.Role {
	case Worker:
		return newWorker(ctx, c)
	case Producer:
		return newProducer(ctx, c)
	case Echo:
		return newEcho(c)
	}
	return nil, fmt.Errorf("no role %q", c.Role)
}
