package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// idle is how long a client waits for an activation before it says what it runs:
	// nothing. Twice that, and the dispatcher takes a lost one back.
	idle = 2 * time.Second
	// again is how long it waits before it repeats a request.
	again = 20 * time.Millisecond
	// stay is after how many activations it leaves, on average.
	stay = 60
)

// client is one worker after another, each with one slot. It repeats every
// request until it is answered, so it knows at a pause what must have happened.
type client struct {
	name string
	rng  *rand.Rand
	book *book

	instance int
	id       string
	epoch    uint64
	orders   <-chan subjects.Activate
}

// live registers, works and leaves until ctx ends.
func (c *client) live(ctx context.Context, nc *nats.Conn) {
	for ctx.Err() == nil {
		if c.id == "" {
			c.register(ctx, nc)
			continue
		}
		timer := time.NewTimer(idle)
		select {
		case <-ctx.Done():
		case order := <-c.orders:
			c.work(ctx, nc, order)
		case <-timer.C:
			_, status, _ := harness.Call(ctx, nc, "ha.hb."+c.id, map[string]any{"running": []string{}}, nil)
			c.missed(status)
		}
		timer.Stop()
	}
}

// insist repeats a request until it is answered; the request in hand is finished
// even after ctx ended, so that nothing is left open at a pause.
func (c *client) insist(ctx context.Context, nc *nats.Conn, subject string, request, reply any) (harness.CallOutcome, string) {
	for {
		answer, status, _ := harness.Call(context.WithoutCancel(ctx), nc, subject, request, reply)
		if answer == harness.Granted || answer == harness.Refused {
			return answer, status
		}
		if c.book.givenUp() {
			return harness.Unknown, ""
		}
		_ = pause.Sleep(ctx, again) // ctx ended: at once
	}
}

func (c *client) register(ctx context.Context, nc *nats.Conn) {
	hello := map[string]any{"weight": 1 + c.instance%5, "name": c.name, "instance": fmt.Sprintf("%s-%d", c.name, c.instance)}
	var reply subjects.HelloReply
	answer, status := c.insist(ctx, nc, "ha.hello", hello, &reply)
	switch answer {
	case harness.Granted:
		c.id = string(reply.ID)
		c.orders = c.book.registered(c.id)
	case harness.Refused:
		c.book.wrong("%s: a hello is refused with %s", c.name, status)
	}
}

// work accepts an activation, of an epoch that is not over, and reports it.
func (c *client) work(ctx context.Context, nc *nats.Conn, order subjects.Activate) {
	if uint64(order.Epoch) < c.epoch {
		return
	}
	c.epoch = uint64(order.Epoch)
	for _, w := range order.Work {
		if !c.book.accepted(c.id, string(w.Activation)) {
			continue
		}
		report := subjects.Available{Finished: []subjects.Finished{{Activation: w.Activation, Outcome: "done"}}}
		answer, status := c.insist(ctx, nc, "ha.available."+c.id, report, nil)
		switch answer {
		case harness.Granted:
			c.book.finished(c.id)
		case harness.Refused:
			c.book.wrong("%s: an available of %s for %s is refused with %s", c.name, c.id, w.Activation, status)
			c.missed(status)
			return
		}
	}
	if c.rng.IntN(stay) == 0 {
		c.leave(ctx, nc)
	}
}

// leave says bye. A bye whose answer was lost is refused when it is repeated.
func (c *client) leave(ctx context.Context, nc *nats.Conn) {
	c.book.leaving(c.id)
	answer, status := c.insist(ctx, nc, "ha.bye."+c.id, struct{}{}, nil)
	if answer == harness.Refused && status != "404" {
		c.book.wrong("%s: a bye is refused with %s", c.name, status)
	}
	if answer != harness.Unknown {
		c.book.left(c.id)
		c.id = ""
		c.instance++
	}
}

// missed notes that the dispatcher does not know a worker whose registration it
// had acknowledged.
func (c *client) missed(status string) {
	if status == "404" {
		c.book.wrong("%s: worker %s is not known any more", c.name, c.id)
		c.id = ""
		c.instance++
	}
}

// load is all the clients, on one connection.
type load struct {
	nc      *nats.Conn
	book    *book
	clients []*client
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func newLoad(servers []string, n int, rng *rand.Rand) (*load, error) {
	nc, err := harness.Connect("durability", servers)
	if err != nil {
		return nil, err
	}
	l := &load{nc: nc, book: newBook()}
	if _, err := nc.Subscribe("ha.activate", func(m *nats.Msg) {
		var order subjects.Activate
		if json.Unmarshal(m.Data, &order) == nil && order.Order == subjects.OrderActivate {
			l.book.deliver(order)
		}
	}); err != nil {
		nc.Close()
		return nil, fmt.Errorf("listen to activations: %w", err)
	}
	for i := range n {
		l.clients = append(l.clients, &client{
			name: fmt.Sprintf("c%d", i), rng: rand.New(rand.NewPCG(rng.Uint64(), uint64(i))), book: l.book,
		})
	}
	return l, nil
}

// resume sets the clients to work.
func (l *load) resume(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	for _, c := range l.clients {
		l.wg.Go(func() { c.live(ctx, l.nc) })
	}
}

// pause returns once every client has an answer to all that it asked.
func (l *load) pause() {
	l.cancel()
	l.wg.Wait()
}

func (l *load) close() {
	l.book.giveUp()
	l.pause()
	l.nc.Close()
}
