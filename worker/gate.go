package worker

import (
	"bytes"
	"sync"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// What arrives before the gate is open is kept up to these bounds, the newest. They
// are for a quarter of a second and more of all orders of a dispatcher that starts
// 250,000 tasks a second, since what is lost here is only given to somebody else
// after two heartbeats.
const (
	gateMessages = 16 << 10
	gateBytes    = 16 << 20
)

// gate lets through the orders that are meant for one worker. The shared subject
// is listened to before the hello is sent, while the id is not known yet; the
// gate keeps what arrives in between, so that an activation that follows the
// hello's reply closely is not missed.
type gate struct {
	out       chan<- subjects.Activate
	done      <-chan struct{} // closed when nobody reads out any more
	malformed func(error)     // called for orders that do not decode

	mu   sync.Mutex
	id   ha.WorkerID // empty while the gate is closed
	kept [][]byte
	size int // bytes in kept
}

// shared takes a message from the subject that all workers share. It is called
// by the subscription's goroutine.
func (g *gate) shared(data []byte) {
	g.mu.Lock()
	id := g.id
	if id == "" {
		g.keep(data)
	}
	g.mu.Unlock()
	if id != "" && mayName(data, id) {
		g.pass(data, id)
	}
}

// direct takes a message from the worker's own subject. The gate is open by
// then, and nobody else's orders are expected, so that each is decoded.
func (g *gate) direct(data []byte) {
	g.mu.Lock()
	id := g.id
	g.mu.Unlock()
	g.pass(data, id)
}

// pass blocks while out is full: the subscription buffers what follows.
func (g *gate) pass(data []byte, id ha.WorkerID) {
	order, ok := g.decode(data, id)
	if !ok {
		return
	}
	select {
	case g.out <- order:
	case <-g.done:
	}
}

// keep is called with mu held.
func (g *gate) keep(data []byte) {
	g.kept = append(g.kept, data)
	g.size += len(data)
	for len(g.kept) > gateMessages || g.size > gateBytes {
		g.size -= len(g.kept[0])
		g.kept[0] = nil
		g.kept = g.kept[1:]
	}
}

// open lets orders for id through from now on, and returns those that were kept.
// The caller must obey them before any that come out of the channel.
func (g *gate) open(id ha.WorkerID) []subjects.Activate {
	g.mu.Lock()
	kept := g.kept
	g.id, g.kept, g.size = id, nil, 0
	g.mu.Unlock()
	var orders []subjects.Activate
	for _, data := range kept {
		if !mayName(data, id) {
			continue
		}
		if order, ok := g.decode(data, id); ok {
			orders = append(orders, order)
		}
	}
	return orders
}

func (g *gate) decode(data []byte, id ha.WorkerID) (subjects.Activate, bool) {
	order, err := subjects.DecodeActivate(data)
	if err != nil {
		g.malformed(err)
		return order, false
	}
	return order, order.ID == id
}

// mayName tells, without decoding, whether an order may be for id. Most orders
// on the shared subject are for others, and this is all they cost. An id stands
// in a JSON text as it is, unless some of it is written as \u escapes. What is no
// JSON object at all is let through, to be counted as malformed.
func mayName(data []byte, id ha.WorkerID) bool {
	return len(data) == 0 || data[0] != '{' ||
		bytes.Contains(data, []byte(id)) || bytes.Contains(data, []byte(`\u`))
}
