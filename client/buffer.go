package client

import "sync"

// item is one event, or what is wrong with one, and how many were lost before it.
type item struct {
	event   Event
	problem error
	lost    int
}

// buffer keeps a bounded number of events between the subscription, which must not
// wait, and the loop, which may take its time.
type buffer struct {
	// ready has a token while there may be something to take.
	ready chan struct{}

	mu    sync.Mutex
	items []item
	// spare is what take handed out, to be filled next.
	spare []item
	most  int
	// lost counts what was dropped behind the last item.
	lost int
}

func newBuffer(most int) *buffer { return &buffer{ready: make(chan struct{}, 1), most: most} }

// put adds an item, or drops it where there is no room.
func (b *buffer) put(it item) {
	b.mu.Lock()
	if len(b.items) >= b.most {
		b.lost++
	} else {
		it.lost, b.lost = b.lost, 0
		b.items = append(b.items, it)
	}
	b.mu.Unlock()
	b.wake()
}

// lose notes that n were lost before they got here.
func (b *buffer) lose(n int) {
	b.mu.Lock()
	b.lost += n
	b.mu.Unlock()
	b.wake()
}

func (b *buffer) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take returns all items in their order, and how many were lost behind them. The
// items are the caller's until the next call.
func (b *buffer) take() (items []item, lost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.spare)
	items, lost = b.items, b.lost
	b.items, b.spare, b.lost = b.spare[:0], items, 0
	return items, lost
}
