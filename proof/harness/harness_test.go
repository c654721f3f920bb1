package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/internal/process"
)

const patience = 15 * time.Second

func newSeed(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestALabStartsFreezesAndEndsProcesses(t *testing.T) {
	defer goleak.VerifyNone(t)
	lab, err := NewLab(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := process.FreeAddresses(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	onLine := func(_ time.Time, line []byte) { lines <- string(line) }
	servers := make([]*Process, len(addresses))
	for i, a := range addresses {
		if servers[i], err = lab.Start("server", onLine, "server", "--listen", a); err != nil {
			t.Fatal(err)
		}
	}
	for range servers {
		for line := range lines {
			if strings.Contains(line, "NATS server listens") {
				break
			}
		}
	}
	if err := servers[0].Terminate(); err != nil {
		t.Fatal(err)
	}
	if err := servers[0].Await(t.Context(), patience); err != nil || servers[0].Status() != 0 {
		t.Errorf("an orderly stop: %v, exit status %d", err, servers[0].Status())
	}
	if err := servers[0].Kill(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to a process that has ended: %v", err)
	}
	if err := servers[0].Unexpected(); !errors.Is(err, ErrEnded) || servers[1].Unexpected() != nil {
		t.Errorf("ended: %v, running: %v", err, servers[1].Unexpected())
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	if servers[1].Running() || servers[1].Status() != -1 {
		t.Errorf("a process outlived its lab, or ended by itself")
	}
	if _, err := os.Stat(lab.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
	if _, err := lab.Start("late", nil, "version"); err == nil {
		t.Error("a closed lab started a process")
	}
}

func TestAwaitEndsWithTheConditionTheTimeOrAProcess(t *testing.T) {
	no := errors.New("not yet")
	calls := 0
	if err := Await(t.Context(), "three", patience, func() error {
		if calls++; calls < 3 {
			return no
		}
		return nil
	}); err != nil || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if err := Await(t.Context(), "nothing", time.Millisecond, func() error { return no }); !errors.Is(err, no) {
		t.Errorf("out of time: %v", err)
	}
	if err := Await(t.Context(), "a process", time.Hour, func() error { return fmt.Errorf("d1 %w", ErrEnded) }); !errors.Is(err, ErrEnded) {
		t.Errorf("ended: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Await(ctx, "nothing", time.Hour, func() error { return no }); !errors.Is(err, context.Canceled) || !errors.Is(err, no) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLinesAreWholeHoweverTheyAreWritten(t *testing.T) {
	rng := newSeed(t)
	var got []string
	log, err := openLog(filepath.Join(t.TempDir(), "log"), func(_ time.Time, line []byte) { got = append(got, string(line)) })
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	var want []string
	for i := range 500 {
		line := strings.Repeat("x", rng.IntN(40)) + fmt.Sprint(i)
		want = append(want, line)
		text.WriteString(line + "\n")
	}
	for rest := text.String(); rest != ""; {
		n := min(len(rest), 1+rng.IntN(100))
		if _, err := log.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if !slices.Equal(got, want) || log.String() != strings.Join(want[len(want)-tailLines:], "\n") {
		t.Errorf("%d lines came of %d", len(got), len(want))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestATapUnderstandsWhatAClientSends sends messages in pieces of any size.
func TestATapUnderstandsWhatAClientSends(t *testing.T) {
	defer goleak.VerifyNone(t)
	rng := newSeed(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tap, err := NewTap(t.Context(), server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", strings.TrimPrefix(tap.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	through, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	text := "CONNECT {\"verbose\":false}\r\nPING\r\nSUB ha.hello 1\r\n"
	var want []string
	for i := range 200 {
		body := strings.Repeat("PUB x 3\r\n", rng.IntN(5)) + fmt.Sprint(i)
		want = append(want, fmt.Sprintf("s.%d %s", i, body))
		if i%2 == 0 {
			text += fmt.Sprintf("PUB s.%d %d\r\n%s\r\n", i, len(body), body)
		} else {
			text += fmt.Sprintf("HPUB s.%d reply.to 0 %d\r\n%s\r\n", i, len(body), body)
		}
	}
	for rest := text; rest != ""; {
		n := min(len(rest), 1+rng.IntN(60))
		if _, err := client.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	passed := make([]byte, len(text))
	for n := 0; n < len(passed); {
		m, err := through.Read(passed[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(passed) != text {
		t.Error("the server got something else")
	}
	err = Await(t.Context(), "all messages", patience, func() error {
		sent, err := tap.Since(time.Time{})
		got := make([]string, len(sent))
		for i, p := range sent {
			got[i] = p.Subject + " " + string(p.Payload)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%d of %d messages, %w", len(got), len(want), err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	tap.Close()
	for _, c := range []interface{ Close() error }{client, through, server} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestQuantilesAreThoseOfTheSortedSample(t *testing.T) {
	rng := newSeed(t)
	for n := 1; n < 60; n++ {
		sample := make(Times, n)
		for i := range sample {
			sample[i] = time.Duration(rng.IntN(50))
		}
		for _, percent := range []int{0, 1, 50, 95, 100} {
			// The smallest value that at least so many percent do not exceed.
			want := slices.Max(sample)
			for _, v := range sample {
				not := 0
				for _, w := range sample {
					if w <= v {
						not++
					}
				}
				if 100*not >= percent*n && v < want {
					want = v
				}
			}
			if got := sample.Quantile(float64(percent) / 100); got != want {
				t.Fatalf("%d%% of %v: %d, want %d", percent, sample, got, want)
			}
		}
	}
	if Times(nil).Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

func TestTheLedgerFindsGapsAndSuccessors(t *testing.T) {
	rng := newSeed(t)
	begin := time.Now()
	var l Ledger
	var at []time.Time
	for i := range 300 {
		when := begin.Add(time.Duration(rng.IntN(100_000)) * time.Millisecond)
		at = append(at, when)
		l.Sent(fmt.Sprint(i), uint64(i%3)+1)
	}
	slices.SortFunc(at, time.Time.Compare)
	for i, when := range at {
		l.Accept(Acceptance{At: when, Activation: fmt.Sprint(i)})
	}
	from, to := begin.Add(5*time.Second), begin.Add(80*time.Second)
	var want time.Duration // of all pairs of neighbours
	inside := slices.DeleteFunc(slices.Clone(at), func(a time.Time) bool { return a.Before(from) || a.After(to) })
	marks := slices.Concat([]time.Time{from}, inside, []time.Time{to})
	for i := range marks[1:] {
		want = max(want, marks[i+1].Sub(marks[i]))
	}
	if got := l.LongestGap(from, to).Length(); got != want {
		t.Errorf("longest gap %s, want %s", got, want)
	}
	first, ok := l.FirstAbove(2, from)
	for i, when := range at {
		if i%3 == 2 && !when.Before(from) {
			if !ok || !first.At.Equal(when) || first.Epoch != 3 {
				t.Errorf("first above epoch 2: %+v, want one at %s", first, when)
			}
			break
		}
	}
	if _, ok := l.FirstAbove(3, from); ok {
		t.Error("found an epoch that nobody sent")
	}
	l.Accept(Acceptance{At: at[0], Activation: "7"})
	if got := l.Twice(); !slices.Equal(got, []string{"7"}) {
		t.Errorf("accepted twice: %v", got)
	}
}

func entryBytes(kind EntryType, epoch, number uint64, node string, nonce uint64) []byte {
	b := []byte{entryMagic, 1, byte(kind)}
	for _, v := range []uint64{epoch, number, 1000, uint64(len(node))} {
		b = binary.AppendUvarint(b, v)
	}
	return append(binary.BigEndian.AppendUint64(append(b, node...), nonce), "records"...)
}

func TestEntriesAreRead(t *testing.T) {
	e, err := decodeEntry(entryBytes(EntryClaim, 300, 0, "d1", 7))
	if want := (Entry{Type: EntryClaim, Epoch: 300, Node: "d1", Nonce: 7}); err != nil || e != want {
		t.Errorf("%+v, %v", e, err)
	}
	whole := entryBytes(EntryRecords, 1, 1, "d1", 7)
	for n := range len(whole) - len("records") {
		if _, err := decodeEntry(whole[:n]); err == nil {
			t.Errorf("the first %d bytes of an entry were read", n)
		}
	}
}

func TestTheAuditFindsEverySecondWriter(t *testing.T) {
	entry := func(kind EntryType, epoch, number uint64, node string) Entry {
		return Entry{Type: kind, Epoch: epoch, Number: number, Node: node}
	}
	good := []Entry{
		entry(EntryClaim, 1, 0, "a"), entry(EntryRecords, 1, 1, "a"), entry(EntryHandover, 1, 2, "a"),
		entry(EntryClaim, 2, 0, "b"), entry(EntryRecords, 2, 1, "b"), entry(EntryClaim, 4, 0, "a"), entry(EntryRecords, 4, 1, "a"),
	}
	number := func(entries []Entry) []Entry {
		for i := range entries {
			entries[i].Seq = uint64(10 + i)
		}
		return entries
	}
	if p := Audit(number(good)); p != nil || Epochs(good) != 3 {
		t.Errorf("a good journal: %v, %d epochs", p, Epochs(good))
	}
	bad := map[string]Entry{
		"an old epoch":      entry(EntryRecords, 2, 2, "b"),
		"a second writer":   entry(EntryRecords, 4, 2, "b"),
		"a repeated number": entry(EntryRecords, 4, 1, "a"),
		"a lost number":     entry(EntryRecords, 4, 3, "a"),
		"no claim":          entry(EntryRecords, 5, 1, "b"),
		"a second claim":    entry(EntryClaim, 4, 0, "b"),
	}
	for what, e := range bad {
		t.Run(what, func(t *testing.T) {
			if p := Audit(number(append(slices.Clone(good), e))); len(p) != 1 {
				t.Errorf("%s: %q", what, p)
			}
		})
	}
	if p := Audit(number(append(slices.Clone(good[:3]), entry(EntryRecords, 1, 3, "a")))); len(p) != 1 {
		t.Errorf("an entry after the abdication: %q", p)
	}
	hole := number(slices.Clone(good))
	if p := Audit(slices.Delete(hole, 4, 5)); len(p) != 1 {
		t.Errorf("a missing entry: %q", p)
	}
}
