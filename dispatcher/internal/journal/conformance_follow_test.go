package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// following runs Follow until the test ends and hands out what it gives.
type following struct {
	entries chan Entry
	result  chan error
	stop    context.CancelFunc
}

func follow(t *testing.T, l Log, from uint64) *following {
	ctx, cancel := context.WithCancel(t.Context())
	f := &following{entries: make(chan Entry, 1<<16), result: make(chan error, 1), stop: cancel}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.result <- l.Follow(ctx, from, func(e Entry) error { f.entries <- e; return nil })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return f
}

// next returns the next entry.
func (f *following) next(t *testing.T) Entry {
	t.Helper()
	select {
	case e := <-f.entries:
		return e
	case err := <-f.result:
		t.Fatalf("follow ended: %v", err)
	case <-within(t).Done():
		t.Fatal("follow gives nothing")
	}
	return Entry{}
}

// end returns what Follow returned.
func (f *following) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.result:
		return err
	case <-within(t).Done():
		t.Fatal("follow does not end")
		return nil
	}
}

func testFollow(t *testing.T, open opener) {
	writer, reader := open(t), open(t)
	early := follow(t, reader, 1)
	fill(t, writer, 5)
	from1, from4, late := follow(t, reader, 1), follow(t, reader, 4), follow(t, reader, 6)
	fill(t, writer, 8)
	for f, seq := range map[*following]uint64{early: 1, from1: 1, from4: 4, late: 6} {
		for ; seq <= 8; seq++ {
			wantEntry(t, f.next(t), seq, batch("filler", seq, fmt.Sprint("entry ", seq)))
		}
	}
	for seq := uint64(9); seq <= 12; seq++ { // one at a time, live
		fill(t, writer, seq)
		for _, f := range []*following{early, from1, from4, late} {
			if e := f.next(t); e.Seq != seq {
				t.Fatalf("got entry %d, want %d", e.Seq, seq)
			}
		}
	}
}

func testFollowAfterPurge(t *testing.T, open opener) {
	l := open(t)
	fill(t, l, 10)
	if err := l.Purge(within(t), 6); err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{2, 5} {
		if err := follow(t, l, from).end(t); !errors.Is(err, ErrGap) {
			t.Errorf("follow from %d: want ErrGap, got %v", from, err)
		}
	}
	for _, from := range []uint64{0, 1, 6} {
		f := follow(t, l, from)
		for seq := uint64(6); seq <= 10; seq++ {
			if e := f.next(t); e.Seq != seq {
				t.Errorf("follow from %d: got entry %d, want %d", from, e.Seq, seq)
			}
		}
	}
}

func testFollowEnds(t *testing.T, open opener) {
	l := open(t)
	fill(t, l, 3)
	stop := errors.New("enough")
	var seen []uint64
	err := l.Follow(within(t), 1, func(e Entry) error {
		seen = append(seen, e.Seq)
		if e.Seq == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || fmt.Sprint(seen) != "[1 2]" {
		t.Errorf("fn got %v, Follow returned %v", seen, err)
	}

	f := follow(t, l, 1)
	for range 3 {
		f.next(t)
	}
	began := time.Now()
	f.stop()
	if err := f.end(t); !errors.Is(err, context.Canceled) {
		t.Errorf("want context.Canceled, got %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s to end", took)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := l.Follow(ctx, 1, func(Entry) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("want the context's cause, got %v", err)
	}
}

// testFollowWhilePurged appends and purges by chance under a slow reader. What
// the reader gets has no hole, or ends with ErrGap.
func testFollowWhilePurged(t *testing.T, open opener) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	writer, reader := open(t), open(t)
	fill(t, writer, 20)
	const target = 150
	result := make(chan error, 1)
	ctx := within(t)
	go func() {
		gaps, from := 0, uint64(1)
		for {
			next := uint64(0)
			done := errors.New("read to the end")
			err := reader.Follow(ctx, from, func(e Entry) error {
				switch {
				case next != 0 && e.Seq != next, from > 1 && next == 0 && e.Seq != from:
					return fmt.Errorf("entry %d came in place of %d (from %d)", e.Seq, next, from)
				case string(e.Data) != fmt.Sprint("entry ", e.Seq):
					return fmt.Errorf("entry %d holds %q", e.Seq, e.Data)
				case e.Seq == target:
					return done
				}
				next = e.Seq + 1
				from = next
				return nil
			})
			if !errors.Is(err, ErrGap) || gaps == 1000 {
				if errors.Is(err, done) {
					err = nil
				}
				result <- err
				return
			}
			gaps++
			from = 1
		}
	}()
	for last := uint64(20); last < target; {
		n := min(target, last+1+random.Uint64N(5))
		fill(t, writer, n)
		last = n
		if random.IntN(3) == 0 {
			if err := writer.Purge(within(t), last-random.Uint64N(15)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func testFollowBeyondEnd(t *testing.T, open opener) {
	l := open(t)
	fill(t, l, 2)
	f := follow(t, l, 3)
	fill(t, l, 3)
	if e := f.next(t); e.Seq != 3 {
		t.Errorf("got entry %d, want 3", e.Seq)
	}
}
