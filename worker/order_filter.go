package worker

import (
	"bytes"
	"sync"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// What arrives before the id is known is kept up to these bounds, the newest. They
// are for a quarter of a second and more of all orders of a dispatcher that starts
// 250,000 tasks a second, since what is lost here is only given to somebody else
// after two heartbeats.
const (
	keptMessages = 16 << 10
	keptBytes    = 16 << 20
)

// orderFilter lets through the orders that are meant for one worker. The shared subject
// is listened to before the hello is sent, while the id is not known yet; the
// filter keeps what arrives in between, so that an activation that follows the
// hello's reply closely is not missed.
type orderFilter struct {
	out       chan<- subjects.Activate
	done      <-chan struct{} // closed when nobody reads out any more
	malformed func(error)     // called for orders that do not decode

	mu   sync.Mutex
	id   ha.WorkerID // empty until it is known
	kept [][]byte
	size int // bytes in kept
}

// shared takes a message from the subject that all workers share. It is called
// by the subscription's goroutine.
func (f *orderFilter) shared(data []byte) {
	f.mu.Lock()
	id := f.id
	if id == "" {
		f.keep(data)
	}
	f.mu.Unlock()
	if id != "" && mayName(data, id) {
		f.pass(data, id)
	}
}

// direct takes a message from the worker's own subject. The id is known by
// then, and nobody else's orders are expected, so that each is decoded.
func (f *orderFilter) direct(data []byte) {
	f.mu.Lock()
	id := f.id
	f.mu.Unlock()
	f.pass(data, id)
}

// pass blocks while out is full: the subscription buffers what follows.
func (f *orderFilter) pass(data []byte, id ha.WorkerID) {
	order, ok := f.decode(data, id)
	if !ok {
		return
	}
	select {
	case f.out <- order:
	case <-f.done:
	}
}

// keep is called with mu held.
func (f *orderFilter) keep(data []byte) {
	f.kept = append(f.kept, data)
	f.size += len(data)
	for len(f.kept) > keptMessages || f.size > keptBytes {
		f.size -= len(f.kept[0])
		f.kept[0] = nil
		f.kept = f.kept[1:]
	}
}

// open lets orders for id through from now on, and returns those that were kept.
// The caller must obey them before any that come out of the channel.
func (f *orderFilter) open(id ha.WorkerID) []subjects.Activate {
	f.mu.Lock()
	kept := f.kept
	f.id, f.kept, f.size = id, nil, 0
	f.mu.Unlock()
	var orders []subjects.Activate
	for _, data := range kept {
		if !mayName(data, id) {
			continue
		}
		if order, ok := f.decode(data, id); ok {
			orders = append(orders, order)
		}
	}
	return orders
}

func (f *orderFilter) decode(data []byte, id ha.WorkerID) (subjects.Activate, bool) {
	order, err := subjects.DecodeActivate(data)
	if err != nil {
		f.malformed(err)
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
