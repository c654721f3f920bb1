package worker

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"

	ha "github.com/seed261fe303/ha"
)

func runsOf(n int) (runs []*run) {
	for i := range n {
		runs = append(runs, newRun(ha.Activation{ID: ha.ActivationID(strconv.Itoa(i)), Worker: "w"}, nil))
	}
	return runs
}

// However handlers end, and however many wait, none waits for another to return.
func TestExecutorNeverWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rounds, slots = 5, 200
		var running atomic.Int64
		var release chan struct{}
		h := newExecutor(t.Context(), Config{Slots: slots, Handler: func(_ context.Context, a ha.Activation) error {
			n, err := strconv.Atoi(string(a.ID))
			if err != nil {
				return err
			}
			switch n % 5 {
			case 0:
				return nil
			case 1:
				panic("1")
			case 2:
				runtime.Goexit()
			}
			running.Add(1)
			<-release
			return nil
		}}.withDefaults())
		defer h.close()
		for range rounds {
			release = make(chan struct{})
			running.Store(0)
			for _, r := range runsOf(slots) {
				h.start(r)
			}
			synctest.Wait()
			if n := running.Load(); n != slots*2/5 {
				t.Fatalf("%d run at the same time", n)
			}
			<-h.notify
			if n := len(h.take()); n != slots*3/5 || h.running() != slots*2/5 {
				t.Fatalf("%d have ended, %d run", n, h.running())
			}
			close(release)
			h.await(patienceOfHands)
			if h.running() != 0 || len(h.notify) != 0 {
				t.Fatalf("%d run", h.running())
			}
		}
	})
}

const patienceOfHands = 1 << 40

// There are never more goroutines than slots, and what ended is not kept.
func TestExecutorAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newExecutor(t.Context(), Config{Slots: 64, Handler: func(context.Context, ha.Activation) error { return nil }}.withDefaults())
		for range 100 {
			h.start(runsOf(64)...)
			h.await(patienceOfHands)
		}
		synctest.Wait()
		h.mu.Lock()
		if idle := h.idle; idle > 64 || cap(h.queue) > 4*64 || cap(h.ended) > 4*64 {
			t.Errorf("%d idle goroutines, room for %d in the queue and %d that ended", idle, cap(h.queue), cap(h.ended))
		}
		h.mu.Unlock()
		h.close() // or the bubble does not end
	})
}

// A queue that is never empty does not grow for ever.
func TestExecutorQueueIsBounded(t *testing.T) {
	t.Parallel()
	h := newExecutor(t.Context(), Config{Slots: 1}.withDefaults())
	h.waking = true // nobody will come
	h.start(runsOf(4)...)
	for i := range 10_000 {
		h.start(runsOf(1)...)
		h.mu.Lock()
		if r := h.pop(); r == nil {
			t.Fatal("nothing waits")
		}
		h.mu.Unlock()
		if len(h.queue) > 16 {
			t.Fatalf("%d in the queue after %d", len(h.queue), i)
		}
	}
}
