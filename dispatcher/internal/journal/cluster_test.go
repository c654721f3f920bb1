package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
)

// writer appends after the log's end for as long as the test lets it, against
// others that do the same, and finds out what became of each append.
type writer struct {
	t     *testing.T
	l     Log
	name  string
	acked map[uint64]Entry
}

// run appends until ctx ends. An append whose outcome is unknown is looked for,
// and tried again with the same name while its place is free, as a member does.
func (w *writer) run(ctx context.Context) {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for number := uint64(1); ctx.Err() == nil; number++ {
		last, ok := w.end(ctx)
		if !ok {
			return
		}
		e := batch(w.name, number, fmt.Sprint(w.name, " ", number))
		for ctx.Err() == nil {
			seq, err := w.append(ctx, last, e)
			if err == nil {
				w.acked[seq] = e
				break
			}
			now, ok := w.end(ctx)
			if !ok {
				return
			}
			if now > last {
				if got, err := w.l.Get(ctx, last+1); err == nil && got.Same(e) {
					w.acked[last+1] = e
				} else if err != nil {
					continue
				}
				break
			}
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
}

func (w *writer) append(ctx context.Context, after uint64, e Entry) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	seq, err := w.l.Append(ctx, after, e)
	if errors.Is(err, ErrReplaced) || err == nil && seq != after+1 {
		w.t.Errorf("append after %d: got %d, %v", after, seq, err)
	}
	return seq, err
}

// end asks for the last sequence until there is an answer; ok is false if ctx
// ended first.
func (w *writer) end(ctx context.Context) (last uint64, ok bool) {
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		_, last, err := w.l.Bounds(attempt)
		cancel()
		if err == nil {
			return last, true
		}
	}
	return 0, false
}

// replicas returns an error until the journal has n replicas that are up to date.
func replicas(j *JetStream, n int) func(context.Context) error {
	return func(ctx context.Context) error {
		info, err := j.info(ctx)
		if err != nil {
			return err
		}
		current := 1
		for _, r := range info.Cluster.Replicas {
			if r.Current {
				current++
			}
		}
		if current != n {
			return fmt.Errorf("%d of %d replicas are current", current, n)
		}
		return nil
	}
}

// TestRaiseAndLoseALeader raises the journal from one replica to three under
// load, then stops the server that leads it. Nothing acknowledged is lost, no
// place is won twice, and a follower sees every entry once and in order.
func TestRaiseAndLoseALeader(t *testing.T) {
	t.Parallel()
	servers := startCluster(t)
	byName, urls := map[string]*embedded.Server{}, make([]string, 0, len(servers))
	for _, s := range servers {
		byName[s.Name()] = s
		urls = append(urls, s.URL())
	}
	prefix := newPrefix()
	var small *JetStream
	eventually.Succeeds(t, patience, func(ctx context.Context) (err error) {
		small, err = OpenJetStream(ctx, dial(t, urls...), JetStreamConfig{Prefix: prefix, Replicas: 1})
		return err
	})
	if n, err := small.Raise(within(t)); n != 1 || err != nil {
		t.Fatalf("one is wanted: got %d, %v", n, err)
	}
	ctx, stop := context.WithCancel(within(t))
	var wg sync.WaitGroup
	writers := make([]*writer, 0, 3)
	for i := range 3 {
		w := &writer{t: t, l: openOn(t, dial(t, urls...), prefix), name: fmt.Sprint("w", i), acked: map[uint64]Entry{}}
		writers = append(writers, w)
		wg.Go(func() { w.run(ctx) })
	}
	reader := openOn(t, dial(t, urls...), prefix)
	f := follow(t, reader, 1)
	waitFor := func(seq uint64) (last uint64) {
		for last < seq {
			last = f.next(t).Seq
		}
		return last
	}
	waitFor(10)
	for range 2 {
		if n, err := reader.Raise(within(t)); n != 3 || err != nil {
			t.Fatalf("raise: got %d, %v; want 3", n, err)
		}
		eventually.Succeeds(t, patience, replicas(reader, 3))
	}
	_, seen, err := reader.Bounds(within(t))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(seen + 10)
	info, err := reader.info(within(t))
	if err != nil {
		t.Fatal(err)
	}
	byName[info.Cluster.Leader].Shutdown()
	eventually.Succeeds(t, patience, func(ctx context.Context) (err error) { _, seen, err = reader.Bounds(ctx); return err })
	waitFor(seen + 10)
	stop()
	wg.Wait()
	verify(t, reader, writers)
}

// verify compares the log with what its writers were told.
func verify(t *testing.T, l Log, writers []*writer) {
	t.Helper()
	_, last, err := l.Bounds(within(t))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint64{}
	f := follow(t, l, 1)
	for seq := uint64(1); seq <= last; seq++ {
		e := f.next(t)
		if e.Seq != seq {
			t.Fatalf("entry %d came in place of %d", e.Seq, seq)
		}
		if other, ok := all[e.ID()]; ok {
			t.Errorf("%s is in the log twice, at %d and %d", e.ID(), other, seq)
		}
		all[e.ID()] = seq
	}
	acked := 0
	for _, w := range writers {
		for seq, e := range w.acked {
			if all[e.ID()] != seq {
				t.Errorf("%s was acknowledged at %d and is at %d", e.ID(), seq, all[e.ID()])
			}
			acked++
		}
	}
	t.Logf("%d entries, %d of them acknowledged", last, acked)
}
