package dispatcher_test

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// cursor lets several goroutines take a number of operations together, and holds
// them up in between.
type cursor struct {
	mu       sync.Mutex
	changed  *sync.Cond
	taken    int
	goal     int
	finished chan struct{}
	ended    bool
}

func newTurns() *cursor {
	t := &cursor{finished: make(chan struct{}, 1)}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// next waits for an operation to be due; false: there will be none.
func (t *cursor) next() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.taken == t.goal && !t.ended {
		t.changed.Wait()
	}
	if t.ended {
		return false
	}
	if t.taken++; t.taken == t.goal {
		t.finished <- struct{}{}
	}
	return true
}

// take makes n operations due and returns how long it was until all were begun.
func (t *cursor) take(n int) time.Duration {
	start := time.Now()
	t.mu.Lock()
	t.goal += n
	t.changed.Broadcast()
	t.mu.Unlock()
	<-t.finished
	return time.Since(start)
}

// over releases those who wait.
func (t *cursor) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.goal = true, math.MaxInt
	t.changed.Broadcast()
}

// Messages of the length that the activations' have.
var (
	plainRequest = fmt.Appendf(nil, `{"finished":[{"activation":%q,"outcome":"done"}]}`, "acs9d2k1-1234567")
	plainReply   = subjects.AppendActivate(nil, subjects.Activate{
		ID: "9f2c4e0011223344", Order: subjects.OrderActivate, Epoch: 28_000_000_000,
		Work: []subjects.Work{{Activation: "acs9d2k1-1234567"}},
	})
)

const plainSubject = "plain"

// respond answers plain requests.
func respond(b *testing.B, nc *nats.Conn) {
	b.Helper()
	listen(b, nc, plainSubject, func(msg *nats.Msg) {
		if err := nc.Publish(msg.Reply, plainReply); err != nil {
			b.Error(err)
		}
	})
}

// newRequesters returns a function that has ten goroutines make n calls of Request
// together and returns how long they took.
func newRequesters(b *testing.B, dial func() *nats.Conn) func(n int) time.Duration {
	b.Helper()
	conns := make([]*nats.Conn, benchWorkers)
	for i := range conns {
		conns[i] = dial()
		if _, err := conns[i].Request(plainSubject, plainRequest, patience); err != nil {
			b.Fatal(err)
		}
	}
	return func(n int) time.Duration {
		var wg sync.WaitGroup
		var made atomic.Int64
		start := time.Now()
		for _, nc := range conns {
			wg.Go(func() {
				for made.Add(1) <= int64(n) {
					if _, err := nc.Request(plainSubject, plainRequest, patience); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
}

// newBareRequesters is newRequesters where each publishes its next request in the
// callback of the last answer.
func newBareRequesters(b *testing.B, dial func() *nats.Conn) func(n int) time.Duration {
	b.Helper()
	t := newTurns()
	b.Cleanup(t.over)
	for range benchWorkers {
		nc := dial()
		inbox := nc.NewInbox()
		ask := func(*nats.Msg) {
			if !t.next() {
				return
			}
			if err := nc.PublishRequest(plainSubject, inbox, plainRequest); err != nil {
				b.Error(err)
			}
		}
		listen(b, nc, inbox, ask)
		if err := nc.Publish(inbox, nil); err != nil { // the answer to none, which begins it
			b.Fatal(err)
		}
	}
	return t.take
}
