package dispatcher

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/subjects"
)

// recordGoal and memoryGoal are what a recovery must reach, in records a second
// and in bytes a record.
const (
	recordGoal = 500_000
	memoryGoal = 1024
)

// fleetOf returns the state of a leader with n workers. A veteran has been
// activated often: it runs one activation and is remembered for 16 that ended.
func fleetOf(tb testing.TB, n int, veterans bool) *core.Core {
	tb.Helper()
	cfg := DefaultConfig("d1")
	cfg.MaxWorkers, cfg.ActivateEvery = max(n, 1), 24*time.Hour
	c := core.New((&Dispatcher{cfg: cfg}).coreConfig())
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	var out core.Ready
	if err := c.Lead(at, 1, "d1", &out); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		out.Reset()
		at = at.Add(time.Microsecond)
		reply := c.Step(core.Hello{
			At: at, Weight: ha.Weight(1 + i%10), Name: fmt.Sprintf("east-%d", i), Instance: fmt.Sprintf("Vfq2fAyUfTM%011d", i),
			Pools: []string{"default"}, Slots: 1, Direct: true,
		}, &out)
		if reply.Err != nil {
			tb.Fatal(reply.Err)
		}
	}
	if !veterans {
		return c
	}
	const each = 17
	number := c.Counts().Started
	for v := range c.Workers(0) {
		for range each {
			number++
			for _, r := range []core.Record{
				core.Activated{At: at, Worker: v.Worker, Number: number},
				core.Ended{Worker: v.Worker, Number: number, Outcome: ha.OutcomeDone},
			} {
				if err := c.Apply(r); err != nil && number > 1 {
					tb.Fatal(err)
				}
			}
		}
	}
	return c
}

// write puts a snapshot of c into the log as the cleaner does, piece by piece,
// and ends with an abdication, so that whoever reads it need not wait for a lease.
func write(tb testing.TB, log journal.Log, c *core.Core) (entries int, bytes uint64) {
	tb.Helper()
	_, last, err := log.Bounds(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	number := uint64(0)
	put := func(kind journal.Kind, data []byte) {
		e := journal.Entry{Kind: kind, Epoch: uint64(c.Epoch()), Number: number, Node: "d1", Nonce: 7, Data: data}
		if last, err = log.Append(tb.Context(), last, e); err != nil {
			tb.Fatal(err)
		}
		number++
		entries++
		bytes += entryBytes(data)
	}
	put(journal.KindClaim, nil)
	b := new(batch)
	for r := range c.Snapshot() {
		b.ready.Records = append(b.ready.Records, r)
		if len(b.ready.Records)%16 == 0 && len(b.encode()) >= pieceBytes {
			put(journal.KindBatch, b.encode())
			b.reset()
		}
	}
	put(journal.KindBatch, b.encode())
	put(journal.KindAbdication, nil)
	return entries, bytes
}

// recoverFrom does what a dispatcher does that starts on the log: it reads all of
// it and takes the lead.
func recoverFrom(tb testing.TB, log journal.Log, workers int) *loop {
	tb.Helper()
	cfg := DefaultConfig("d2")
	cfg.MaxWorkers, cfg.ActivateEvery = max(workers, 1), 24*time.Hour
	d := &Dispatcher{cfg: cfg, began: time.Now()}
	l := newLoop(d, log, nil)
	if err := l.stand(tb.Context(), make(chan nats.Status)); err != nil || !l.won {
		tb.Fatalf("won %v, %v", l.won, err)
	}
	return l
}
var _ = bytes.Equal
var _ = context.Background
var _ iter.Seq[int]
var _ subjects.Names

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func benchRecovery(b *testing.B, n int, veterans bool) {
	log := journal.NewMemoryAt(0)
	c := fleetOf(b, n, veterans)
	entries, size := write(b, log, c)
	c = nil
	before := heap()
	for b.Loop() {
		began := time.Now()
		l := recoverFrom(b, log, n)
		took := time.Since(began)
		after := heap()
		reg, _ := l.core.Population()
		b.Logf("%d entries, %d bytes; %d workers: %v, %.0f/s, %d bytes/record", entries, size, reg, took, float64(n)/took.Seconds(), (after-before)/uint64(n))
		runtime.KeepAlive(l)
		l.stop()
	}
}

func BenchmarkRecovery(b *testing.B) {
	b.Run("fresh", func(b *testing.B) { benchRecovery(b, 1_000_000, false) })
	b.Run("veterans", func(b *testing.B) { benchRecovery(b, 1_000_000, true) })
}
