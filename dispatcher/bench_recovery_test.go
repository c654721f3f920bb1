package dispatcher

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/embedded"
)

// mostMemory is how many bytes of the heap a live record may take.
const mostMemory = 1024

// entryOverhead is what the store adds to an entry, about.
const entryOverhead = 150

// fleetConfig is the core's configuration for n workers that are not activated
// by time.
func fleetConfig(n int) Config {
	cfg := Config{Name: "d1"}
	cfg.MaxWorkers, cfg.ActivateEvery = max(n, 1), 24*time.Hour
	return cfg.withDefaults()
}

// fleetOf returns the state of a leader with n workers. With a past each of them
// is remembered for 16 activations that ended, and runs one.
func fleetOf(tb testing.TB, n int, past bool) *core.Core {
	tb.Helper()
	c := core.New(fleetConfig(n).core())
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	var out step.Ready
	if err := c.Lead(at, 1, "d1", &out); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		out.Reset()
		at = at.Add(time.Microsecond)
		reply := c.Step(step.Hello{
			At: at, Weight: ha.Weight(1 + i%10), Name: fmt.Sprintf("east-%d", i), Instance: fmt.Sprintf("Vfq2fAyUfTM%011d", i),
			Pools: []string{"default"}, Slots: 1, Direct: true,
		}, &out)
		if reply.Err != nil {
			tb.Fatal(reply.Err)
		}
	}
	if past {
		givePast(tb, c, at)
	}
	return c
}

func givePast(tb testing.TB, c *core.Core, at time.Time) {
	tb.Helper()
	apply := func(r record.Record) {
		if err := c.Apply(r); err != nil {
			tb.Fatal(err)
		}
	}
	for v := range c.Workers(0) {
		for i := range 17 {
			number := c.Counts().Started + 1
			if v.Running == 0 || i > 0 {
				apply(&record.Activated{At: at, Worker: v.Worker, Number: number})
			} else {
				number = 1 // given by the first hello
			}
			if i < 16 {
				apply(&record.Ended{Worker: v.Worker, Number: number, Outcome: ha.OutcomeDone})
			}
		}
	}
}

// writeFleet puts a snapshot of c into the log as the cleaner does, piece by
// piece, and ends with a handover, so that whoever reads it need not wait for
// a lease.
func writeFleet(tb testing.TB, log journal.Log, c *core.Core) (bytes uint64) {
	tb.Helper()
	var last, number uint64
	put := func(kind journal.EntryType, data []byte) {
		e := journal.Entry{Type: kind, Epoch: uint64(c.Epoch()), Number: number, Node: "d1", Nonce: 7, Data: data}
		var err error
		if last, err = log.Append(tb.Context(), last, e); err != nil {
			tb.Fatal(err)
		}
		number++
		bytes += uint64(len(data)) + entryOverhead
	}
	put(journal.EntryClaim, nil)
	var b record.Buffer
	for r := range c.Snapshot() {
		b.Add(r)
		if b.Size() >= term.DefaultSizes().PieceBytes {
			put(journal.EntryRecords, b.Bytes())
			b.Reset()
		}
	}
	put(journal.EntryRecords, b.Bytes())
	put(journal.EntryHandover, nil)
	return bytes
}

// recoverFrom does what a dispatcher does that starts on the log: it reads all of
// it and takes the lead.
func recoverFrom(tb testing.TB, log journal.Log, n int) *loop {
	tb.Helper()
	d := &Dispatcher{cfg: fleetConfig(n), began: time.Now()}
	l := newLoop(d, log, nil)
	if err := l.follow(tb.Context(), make(chan nats.Status)); err != nil || !l.term.Won() {
		tb.Fatalf("won %v, %v", l.term.Won(), err)
	}
	if registered, _ := l.core.Population(); registered != n {
		tb.Fatalf("%d workers are registered, want %d", registered, n)
	}
	return l
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first one may have been under way
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// benchRecovery measures from the start of a dispatcher until it leads, over
// a journal that holds n workers.
func benchRecovery(b *testing.B, n int, past bool, open func() journal.Log) {
	var took time.Duration
	var memory uint64
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		log := open()
		bytes := writeFleet(b, log, fleetOf(b, n, past))
		before := heap()
		b.StartTimer()
		began := time.Now()
		l := recoverFrom(b, log, n)
		took += time.Since(began)
		b.StopTimer()
		memory = max(memory, (heap()-before)/uint64(n))
		l.stop()
		rounds++
		b.ReportMetric(float64(bytes)/float64(n), "journal-B/record")
		b.StartTimer()
	}
	b.ReportMetric(float64(n*rounds)/took.Seconds(), "records/s")
	b.ReportMetric(float64(memory), "heap-B/record")
}

// BenchmarkRecovery: one million workers, from the journal to the lead. The
// memory journal shows decoding and applying alone.
//
//	go test ./dispatcher -run '^$' -bench Recovery -benchtime 1x
func BenchmarkRecovery(b *testing.B) {
	const million = 1_000_000
	memory := func() journal.Log { return journal.NewMemoryAt(0) }
	b.Run("memory", func(b *testing.B) { benchRecovery(b, million, false, memory) })
	b.Run("memory-with-past", func(b *testing.B) { benchRecovery(b, million, true, memory) })
	b.Run("jetstream", func(b *testing.B) {
		benchRecovery(b, million, false, func() journal.Log {
			return streamOn(b, connectTo(b, embedded.Config{StoreDir: b.TempDir()}), "ha")
		})
	})
}

func TestRecoveredFleet(t *testing.T) {
	const n = 20_000
	for _, past := range []bool{false, true} {
		t.Run(fmt.Sprint("with a past ", past), func(t *testing.T) {
			log := journal.NewMemoryAt(0)
			c := fleetOf(t, n, past)
			writeFleet(t, log, c)
			before := heap()
			l := recoverFrom(t, log, n)
			if each := (heap() - before) / n; each > mostMemory {
				t.Errorf("with a past %v: %d bytes a worker, want at most %d", past, each, mostMemory)
			}
			sameDigest(t, "recovered", l.core, c)
			l.stop()
		})
	}
}
