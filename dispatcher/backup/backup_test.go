package backup

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// someLog returns a log of n entries whose head was purged before the entry first.
func someLog(t *testing.T, n, first int) *journal.Memory {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	log := journal.NewMemoryAt(0)
	e := journal.Entry{Type: journal.EntryClaim, Epoch: 7, Node: "d1", Nonce: 1, Lease: 1500 * time.Millisecond}
	for i := range n {
		switch {
		case i == 0:
		case rng.IntN(10) == 0:
			e = journal.Entry{Type: journal.EntryClaim, Epoch: e.Epoch + 1 + rng.Uint64N(3), Node: fmt.Sprint("d", rng.IntN(3)), Nonce: rng.Uint64()}
		default:
			e.Type, e.Number = journal.EntryRecords, e.Number+1
			e.Data = make([]byte, rng.IntN(64))
			for j := range e.Data {
				e.Data[j] = byte(rng.Uint32())
			}
		}
		if _, err := log.Append(t.Context(), uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Purge(t.Context(), uint64(first)); err != nil {
		t.Fatal(err)
	}
	return log
}

func entriesOf(t *testing.T, log journal.Log) (entries []journal.Entry) {
	t.Helper()
	first, last, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := first; seq <= last; seq++ {
		e, err := log.Get(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func backupOf(t *testing.T, log journal.Log) ([]byte, Info) {
	t.Helper()
	var b bytes.Buffer
	info, err := save(t.Context(), log, "ha", &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), info
}

// restoreInto is Restore into a log that is open.
func restoreInto(ctx context.Context, log journal.Log, r io.Reader) (Info, error) {
	src, done, err := checkBackup(r)
	if err != nil {
		return Info{}, err
	}
	defer done()
	return src.info, restore(ctx, log, src)
}

// checkRestored compares what was restored with what was there.
func checkRestored(t *testing.T, from, to journal.Log) {
	t.Helper()
	want, got := entriesOf(t, from), entriesOf(t, to)
	if len(got) != len(want)+2 {
		t.Fatalf("%d entries were there, %d are, and should be two more", len(want), len(got))
	}
	epoch := uint64(0)
	for i, w := range want {
		if g := got[i]; g.Seq != uint64(i+1) || !bytes.Equal(journal.AppendEntry(nil, g), journal.AppendEntry(nil, w)) {
			t.Fatalf("entry %d is %+v, was %+v", i+1, g, w)
		}
		epoch = max(epoch, w.Epoch)
	}
	claim, end := got[len(want)], got[len(want)+1]
	if claim.Type != journal.EntryClaim || claim.Epoch <= epoch || end.Type != journal.EntryHandover || end.Epoch != claim.Epoch {
		t.Errorf("after epoch %d came %+v and %+v", epoch, claim, end)
	}
}

func TestBackupAndRestore(t *testing.T) {
	for _, c := range []struct{ n, first int }{{1, 1}, {200, 1}, {200, 77}, {200, 200}} {
		t.Run(fmt.Sprintf("%d from %d", c.n, c.first), func(t *testing.T) {
			log := someLog(t, c.n, c.first)
			file, info := backupOf(t, log)
			entries := entriesOf(t, log)
			if info.Entries != uint64(len(entries)) || info.Bytes != int64(len(file)) || info.Epoch != entries[len(entries)-1].Epoch {
				t.Errorf("%+v describes %d entries in %d bytes", info, len(entries), len(file))
			}
			for how, r := range map[string]io.Reader{
				"from a file": bytes.NewReader(file), "from a pipe": iotest.OneByteReader(bytes.NewReader(file)),
			} {
				fresh := journal.NewMemoryAt(0)
				restored, err := restoreInto(t.Context(), fresh, r)
				if err != nil || restored != info {
					t.Fatalf("%s: %+v, %v; saved as %+v", how, restored, err, info)
				}
				checkRestored(t, log, fresh)
			}
		})
	}
}

func TestABackupInTheMiddleOfAFile(t *testing.T) {
	log := someLog(t, 5, 1)
	file, _ := backupOf(t, log)
	r := bytes.NewReader(append([]byte("before"), file...))
	if _, err := r.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	fresh := journal.NewMemoryAt(0)
	if _, err := restoreInto(t.Context(), fresh, r); err != nil {
		t.Fatal(err)
	}
	checkRestored(t, log, fresh)
}

// The epoch after a restore exceeds all that workers may have seen since the
// backup was taken, and nobody waits for the lease.
func TestAStandbyLeadsARestoredJournalAtOnce(t *testing.T) {
	log := someLog(t, 50, 10)
	file, info := backupOf(t, log)
	fresh := journal.NewMemoryAt(0)
	if _, err := restoreInto(t.Context(), fresh, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	m := journal.NewMember(journal.MemberConfig{Node: "d9", Nonce: 3, Lease: time.Second}, 0)
	for _, e := range entriesOf(t, fresh) {
		if _, _, err := m.Followed(0, e); err != nil {
			t.Fatal(err)
		}
	}
	actions := m.CaughtUp(0)
	for len(actions) == 1 && actions[0].Type == journal.DoReadEnd { // it looks whether the log is still this one
		end := journal.LogEnd{}
		for _, e := range entriesOf(t, fresh) {
			if end.Last = e.Seq; e.Seq > actions[0].After && len(end.Next) < journal.MostNext {
				end.Next = append(end.Next, e)
			}
		}
		actions = m.EndRead(0, end)
	}
	seconds := uint64(time.Since(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds())
	if len(actions) != 1 || actions[0].Entry.Type != journal.EntryClaim || actions[0].Entry.Epoch <= max(info.Epoch, seconds-60) {
		t.Errorf("it does %+v", actions)
	}
	if _, err := fresh.Append(t.Context(), actions[0].After, actions[0].Entry); err != nil {
		t.Error(err)
	}
}

func TestDamagedBackupsAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	log := someLog(t, 6, 2)
	file, _ := backupOf(t, log)
	refused := func(what string, damaged []byte) {
		t.Helper()
		fresh := journal.NewMemoryAt(0)
		if _, err := restoreInto(t.Context(), fresh, bytes.NewReader(damaged)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: want ErrInvalid, got %v", what, err)
		}
		if _, last, err := fresh.Bounds(t.Context()); err != nil || last != 0 {
			t.Errorf("%s: %d entries were written, %v", what, last, err)
		}
	}
	for i := range file {
		refused(fmt.Sprintf("cut at %d", i), file[:i])
		for bit := range 8 {
			damaged := bytes.Clone(file)
			damaged[i] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d", bit, i), damaged)
		}
	}
	refused("one byte more", append(bytes.Clone(file), 0))
	refused("twice", append(bytes.Clone(file), file...))
	refused("no newline", bytes.Repeat([]byte("x"), 1<<20))
	refused("something else", []byte("{\"format\":\"other\",\"version\":1,\"first\":1,\"last\":1}\n"))
	refused("no entries", []byte("{\"format\":\"ha-journal-backup\",\"version\":1,\"first\":2,\"last\":1}\n"))

	head := bytes.IndexByte(file, '\n') + 1
	a := head + 8 + int(binary.BigEndian.Uint32(file[head:]))
	b := a + 8 + int(binary.BigEndian.Uint32(file[a:]))
	refused("an entry left out", append(bytes.Clone(file[:head]), file[a:]...))
	swapped := append(bytes.Clone(file[:head]), file[a:b]...)
	swapped = append(append(swapped, file[head:a]...), file[b:]...)
	refused("two entries swapped", swapped)
	huge := binary.BigEndian.AppendUint32(bytes.Clone(file[:head]), 1<<32-1)
	refused("an entry of 4 GiB", huge)
}

func TestANewerBackupIsRefusedByName(t *testing.T) {
	file, _ := backupOf(t, someLog(t, 3, 1))
	newer := bytes.Replace(file, []byte(`"version":1`), []byte(`"version":2`), 1)
	_, _, err := checkBackup(bytes.NewReader(newer))
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "format 2, this binary reads up to 1") {
		t.Errorf("got %v", err)
	}
	broken := errors.New("disk gone")
	if _, _, err := checkBackup(io.MultiReader(bytes.NewReader(file[:99]), iotest.ErrReader(broken))); !errors.Is(err, broken) || errors.Is(err, ErrInvalid) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

func TestRestoreNeedsAnEmptyJournal(t *testing.T) {
	file, _ := backupOf(t, someLog(t, 20, 1))
	purged := someLog(t, 20, 20)
	foreign := journal.NewMemoryAt(0)
	if _, err := foreign.Append(t.Context(), 0, journal.Entry{Type: journal.EntryClaim, Epoch: 1, Node: "d1", Nonce: 5}); err != nil {
		t.Fatal(err)
	}
	goneOn := journal.NewMemoryAt(0) // restored, and led since
	if _, err := restoreInto(t.Context(), goneOn, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if _, err := goneOn.Append(t.Context(), 22, journal.Entry{Type: journal.EntryClaim, Epoch: 1 << 40, Node: "d1"}); err != nil {
		t.Fatal(err)
	}
	itself := journal.NewMemoryAt(0)
	src, _, err := checkBackup(bytes.NewReader(file))
	if err == nil {
		_, err = src.each(func(e journal.Entry) error { return appendSurely(t.Context(), itself, e) })
	}
	if err != nil {
		t.Fatal(err)
	}
	for what, log := range map[string]journal.Log{"the one it was taken from": itself, "other entries": foreign, "a purged head": purged, "gone on": goneOn, "another journal": someLog(t, 15, 1)} {
		t.Run(what, func(t *testing.T) {
			_, before, _ := log.Bounds(t.Context())
			if _, err := restoreInto(t.Context(), log, bytes.NewReader(file)); !errors.Is(err, ErrJournalNotEmpty) {
				t.Errorf("%s: want ErrJournalNotEmpty, got %v", what, err)
			}
			if _, after, _ := log.Bounds(t.Context()); after != before {
				t.Errorf("%s: it has %d entries, had %d", what, after, before)
			}
		})
	}
}

func TestAnEmptyJournalIsNotBackedUp(t *testing.T) {
	var b bytes.Buffer
	if _, err := save(t.Context(), journal.NewMemoryAt(0), "ha", &b); !errors.Is(err, ErrNoJournal) || b.Len() > 0 {
		t.Errorf("want ErrNoJournal and nothing written, got %v and %d bytes", err, b.Len())
	}
}

// faulty is a log that fails some of its appends.
type faulty struct {
	*journal.Memory
	// before and after say whether an append fails before or after it was done.
	before, after func(journal.Entry) error
}

func (f *faulty) Append(ctx context.Context, after uint64, e journal.Entry) (uint64, error) {
	if err := f.before(e); err != nil {
		return 0, err
	}
	seq, err := f.Memory.Append(ctx, after, e)
	if err == nil {
		err = f.after(e)
	}
	return seq, err
}

func TestRestoreWithLostAcknowledgements(t *testing.T) {
	log := someLog(t, 30, 1)
	file, _ := backupOf(t, log)
	lost, failed := errors.New("acknowledgement lost"), false
	f := &faulty{journal.NewMemoryAt(0), func(e journal.Entry) error {
		if failed = !failed; failed && e.Number%16 == 9 {
			return errors.New("request lost")
		}
		return nil
	}, func(journal.Entry) error { return lost }}
	if _, err := restoreInto(t.Context(), f, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	checkRestored(t, log, f)
}

// A restore that broke off anywhere can be repeated.
func TestRestoreGoesOnWhereItBrokeOff(t *testing.T) {
	log := someLog(t, 8, 1)
	file, _ := backupOf(t, log)
	mem := journal.NewMemoryAt(0)
	for _, done := range []uint64{0, 3, 4, 6, 9} {
		ctx, cancel := context.WithCancel(t.Context())
		cause := errors.New("lost")
		f := &faulty{mem, func(journal.Entry) error {
			if _, last, _ := mem.Bounds(ctx); last > done {
				cancel() // after one more entry
				return cause
			}
			return nil
		}, func(journal.Entry) error { return nil }}
		_, err := restoreInto(ctx, f, bytes.NewReader(file))
		cancel()
		if done < 9 && !errors.Is(err, cause) || done == 9 && err != nil {
			t.Fatalf("after %d entries: %v", done, err)
		}
	}
	checkRestored(t, log, mem)
	if _, err := restoreInto(t.Context(), mem, bytes.NewReader(file)); err != nil {
		t.Errorf("once more: %v", err)
	}
	checkRestored(t, log, mem)
}

func TestADispatcherThatBeginsDuringARestore(t *testing.T) {
	file, _ := backupOf(t, someLog(t, 8, 1))
	mem := journal.NewMemoryAt(0)
	f := &faulty{mem, func(e journal.Entry) error {
		if e.Seq == 4 {
			_, err := mem.Append(t.Context(), 3, journal.Entry{Type: journal.EntryClaim, Epoch: 1 << 40, Node: "eager"})
			return err
		}
		return nil
	}, func(journal.Entry) error { return nil }}
	_, err := restoreInto(t.Context(), f, bytes.NewReader(file))
	if !errors.Is(err, ErrJournalNotEmpty) || !strings.Contains(err.Error(), "stop the dispatchers") {
		t.Errorf("got %v", err)
	}
}

// cleaned is a log that is cleaned after its bounds were asked for, some times.
type cleaned struct {
	*journal.Memory
	times int
}

func (c *cleaned) Bounds(ctx context.Context) (first, last uint64, err error) {
	first, last, err = c.Memory.Bounds(ctx)
	if err == nil && c.times > 0 {
		c.times--
		_, err = c.Append(ctx, last, journal.Entry{Type: journal.EntryRecords, Epoch: 1 << 30, Number: last, Data: []byte("snapshot")})
		err = errors.Join(err, c.Purge(ctx, last+1))
	}
	return first, last, err
}

func TestAJournalThatIsCleanedWhileItIsBackedUp(t *testing.T) {
	log := &cleaned{someLog(t, 20, 1), 3}
	file, _ := backupOf(t, log)
	fresh := journal.NewMemoryAt(0)
	if _, err := restoreInto(t.Context(), fresh, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	checkRestored(t, log, fresh)
	log.times = 1000
	if _, err := save(t.Context(), log, "ha", io.Discard); !errors.Is(err, journal.ErrGap) {
		t.Errorf("always cleaned: want ErrGap, got %v", err)
	}
}
