package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seed261fe303/ha/embedded"
)

// opener returns another handle on one and the same log, as another process has.
type opener func(t *testing.T) Log

// implementations are what the suite runs against. Each returns a function that
// makes a new, empty log.
var implementations = map[string]func(t *testing.T) func(t *testing.T) opener{
	"memory": func(*testing.T) func(*testing.T) opener {
		return func(*testing.T) opener {
			m := NewMemory()
			return func(*testing.T) Log { return m }
		}
	},
	"jetstream": func(t *testing.T) func(*testing.T) opener {
		s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
		return handles(s.URL())
	},
	"cluster": func(t *testing.T) func(*testing.T) opener {
		servers := startCluster(t)
		urls := make([]string, 0, len(servers))
		for _, s := range servers {
			urls = append(urls, s.URL())
		}
		return handles(urls...)
	},
}

// handles opens each handle on the next server, as dispatchers are spread.
func handles(urls ...string) func(*testing.T) opener {
	return func(*testing.T) opener {
		prefix, n := newPrefix(), 0
		return func(t *testing.T) Log {
			n++
			return openOn(t, dial(t, urls[n%len(urls)]), prefix)
		}
	}
}

var suite = map[string]func(t *testing.T, open opener){
	"append and read":            testAppendAndRead,
	"conflict":                   testConflict,
	"race":                       testRace,
	"the same append twice":      testSameTwice,
	"data is not kept":           testDataIsNotKept,
	"purge":                      testPurge,
	"follow":                     testFollow,
	"follow after a purge":       testFollowAfterPurge,
	"follow ends":                testFollowEnds,
	"follow while others purge":  testFollowWhilePurged,
	"large entries":              testLargeEntries,
	"an ended context":           testEndedContext,
	"another handle, later":      testReopen,
	"followers beyond the end":   testFollowBeyondEnd,
	"size grows and shrinks":     testSize,
	"entries of strange content": testStrangeContent,
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, prepare := range implementations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fresh := prepare(t)
			for what, test := range suite {
				t.Run(what, func(t *testing.T) { test(t, fresh(t)) })
			}
		})
	}
}

func wantBounds(t *testing.T, l Log, first, last uint64) {
	t.Helper()
	f, la, err := l.Bounds(within(t))
	if err != nil || f != first || la != last {
		t.Fatalf("bounds are %d and %d, %v; want %d and %d", f, la, err, first, last)
	}
}

func wantEntry(t *testing.T, got Entry, seq uint64, want Entry) {
	t.Helper()
	if got.Seq != seq || !got.Same(want) || !bytes.Equal(got.Data, want.Data) {
		t.Fatalf("entry %d is %s with %d bytes, want %s with %d bytes", got.Seq, got.ID(), len(got.Data), want.ID(), len(want.Data))
	}
}

func testAppendAndRead(t *testing.T, open opener) {
	a, b := open(t), open(t)
	wantBounds(t, a, 1, 0)
	if _, err := a.Get(within(t), 1); !errors.Is(err, ErrGap) {
		t.Errorf("get from an empty log: want ErrGap, got %v", err)
	}
	fill(t, a, 5)
	for _, l := range []Log{a, b} {
		wantBounds(t, l, 1, 5)
		for seq := uint64(1); seq <= 5; seq++ {
			e, err := l.Get(within(t), seq)
			if err != nil {
				t.Fatal(err)
			}
			wantEntry(t, e, seq, batch("filler", seq, fmt.Sprint("entry ", seq)))
		}
		for _, seq := range []uint64{0, 6, 1 << 40} {
			if _, err := l.Get(within(t), seq); !errors.Is(err, ErrGap) {
				t.Errorf("get %d: want ErrGap, got %v", seq, err)
			}
		}
	}
}

func testConflict(t *testing.T, open opener) {
	a, b := open(t), open(t)
	for _, after := range []uint64{1, 17} {
		if _, err := a.Append(within(t), after, batch("a", 1, "x")); !errors.Is(err, ErrConflict) {
			t.Errorf("append to an empty log after %d: want ErrConflict, got %v", after, err)
		}
	}
	fill(t, a, 3)
	for i, after := range []uint64{0, 1, 2, 4, 1 << 40} {
		if _, err := b.Append(within(t), after, batch("b", uint64(i), "x")); !errors.Is(err, ErrConflict) {
			t.Errorf("append after %d: want ErrConflict, got %v", after, err)
		}
	}
	wantBounds(t, a, 1, 3)
	// What was refused may be tried again in its right place.
	if seq, err := b.Append(within(t), 3, batch("b", 0, "x")); seq != 4 || err != nil {
		t.Errorf("got %d, %v", seq, err)
	}
}

// testRace: whoever reads the end and appends to it competes with the others;
// exactly one may win each place.
func testRace(t *testing.T, open opener) {
	const writers, target = 6, 60
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[uint64]Entry{}
	for w := range writers {
		l := open(t)
		wg.Go(func() {
			for number := uint64(1); ; number++ {
				_, last, err := l.Bounds(within(t))
				if err != nil || last >= target {
					if err != nil {
						t.Error(err)
					}
					return
				}
				e := batch(fmt.Sprint("w", w), number, fmt.Sprint(w, " ", number))
				seq, err := l.Append(within(t), last, e)
				if errors.Is(err, ErrConflict) {
					continue
				}
				if err != nil || seq != last+1 {
					t.Errorf("append after %d: got %d, %v", last, seq, err)
					return
				}
				mu.Lock()
				if other, ok := won[seq]; ok {
					t.Errorf("%s and %s both won %d", other.ID(), e.ID(), seq)
				}
				won[seq] = e
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	l := open(t)
	_, last, err := l.Bounds(within(t))
	if err != nil || last < target || int(last) != len(won) {
		t.Fatalf("%d entries in the log, %d were acknowledged, %v", last, len(won), err)
	}
	for seq, e := range won {
		got, err := l.Get(within(t), seq)
		if err != nil {
			t.Fatal(err)
		}
		wantEntry(t, got, seq, e)
	}
}

func testSameTwice(t *testing.T, open opener) {
	a, b := open(t), open(t)
	e := batch("a", 1, "once")
	if _, err := a.Append(within(t), 0, e); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		seq, err := b.Append(within(t), 0, e)
		if passed := err == nil && seq == 1; !passed && !errors.Is(err, ErrConflict) {
			t.Errorf("got %d, %v; want 1 or ErrConflict", seq, err)
		}
		wantBounds(t, a, 1, 1)
	}
	// The name alone must not make it pass elsewhere.
	if _, err := a.Append(within(t), 1, batch("a", 2, "other")); err != nil {
		t.Fatal(err)
	}
	if seq, err := a.Append(within(t), 5, e); !errors.Is(err, ErrConflict) {
		t.Errorf("got %d, %v; want ErrConflict", seq, err)
	}
	wantBounds(t, a, 1, 2)
}

func testDataIsNotKept(t *testing.T, open opener) {
	l := open(t)
	e := batch("a", 1, "original")
	if _, err := l.Append(within(t), 0, e); err != nil {
		t.Fatal(err)
	}
	copy(e.Data, "tampered")
	got, err := l.Get(within(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	wantEntry(t, got, 1, batch("a", 1, "original"))
}

func testPurge(t *testing.T, open opener) {
	l, other := open(t), open(t)
	if err := l.Purge(within(t), 10); err != nil {
		t.Errorf("purge of an empty log: %v", err)
	}
	fill(t, l, 10)
	for _, step := range []struct{ before, first uint64 }{{0, 1}, {1, 1}, {4, 4}, {3, 4}, {10, 10}, {11, 10}, {1 << 40, 10}} {
		if err := l.Purge(within(t), step.before); err != nil {
			t.Fatal(err)
		}
		wantBounds(t, other, step.first, 10)
		if _, err := other.Get(within(t), step.first-1); !errors.Is(err, ErrGap) {
			t.Errorf("get %d, which is purged: want ErrGap, got %v", step.first-1, err)
		}
		if _, err := other.Get(within(t), step.first); err != nil {
			t.Error(err)
		}
	}
	fill(t, other, 12)
	wantBounds(t, l, 10, 12)
}

func testLargeEntries(t *testing.T, open opener) {
	l := open(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	const n = 8
	for seq := uint64(1); seq <= n; seq++ {
		data[0] = byte(seq)
		if _, err := l.Append(within(t), seq-1, Entry{Type: EntryRecords, Epoch: 1, Number: seq, Node: "n", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	f := follow(t, l, 1)
	for seq := uint64(1); seq <= n; seq++ {
		data[0] = byte(seq)
		want := Entry{Type: EntryRecords, Epoch: 1, Number: seq, Node: "n", Data: data}
		wantEntry(t, f.next(t), seq, want)
		got, err := l.Get(within(t), seq)
		if err != nil {
			t.Fatal(err)
		}
		wantEntry(t, got, seq, want)
	}
}

func testEndedContext(t *testing.T, open opener) {
	l := open(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ended, 0, batch("a", 1, "")); err == nil || errors.Is(err, ErrConflict) {
		t.Errorf("append: got %v", err)
	}
	if l.Name() == "memory" {
		return // the rest does not wait for anybody
	}
	if _, _, err := l.Bounds(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("bounds: got %v", err)
	}
	if _, err := l.Get(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("get: got %v", err)
	}
	if err := l.Purge(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("purge: got %v", err)
	}
}

func testReopen(t *testing.T, open opener) {
	fill(t, open(t), 4)
	l := open(t)
	fill(t, l, 8)
	if err := l.Purge(within(t), 3); err != nil {
		t.Fatal(err)
	}
	wantBounds(t, open(t), 3, 8)
	fill(t, open(t), 9)
	wantBounds(t, l, 3, 9)
}

func testSize(t *testing.T, open opener) {
	l := open(t)
	size := func() uint64 {
		n, err := l.Size(within(t))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	empty := size()
	for seq := uint64(1); seq <= 20; seq++ {
		if _, err := l.Append(within(t), seq-1, batch("a", seq, strings.Repeat("x", 10_000))); err != nil {
			t.Fatal(err)
		}
	}
	if full := size(); full < empty+200_000 || full > empty+300_000 {
		t.Errorf("200,000 bytes appended, size went from %d to %d", empty, full)
	}
	if err := l.Purge(within(t), 20); err != nil {
		t.Fatal(err)
	}
	if rest := size(); rest > empty+20_000 {
		t.Errorf("after the purge %d bytes are left", rest)
	}
}

func testStrangeContent(t *testing.T, open opener) {
	l := open(t)
	entries := []Entry{
		{Type: EntryClaim, Epoch: 1, Node: "n"},
		{Type: EntryRecords, Epoch: 1<<64 - 1, Number: 1<<64 - 1, Node: strings.Repeat("N", 64), Nonce: 1<<64 - 1, Data: []byte{0, 255, '\r', '\n', 0}},
		{Type: EntryRecords, Epoch: 2, Node: "n", Data: []byte("NATS/1.0\r\nStatus: 100\r\n\r\n")},
		{Type: EntryHandover, Epoch: 3, Node: "A-_z0"},
	}
	f := follow(t, l, 1)
	for i, e := range entries {
		if _, err := l.Append(within(t), uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range entries {
		wantEntry(t, f.next(t), uint64(i+1), e)
	}
}
