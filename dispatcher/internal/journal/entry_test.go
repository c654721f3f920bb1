package journal

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

func anyEntry(t *rapid.T) Entry {
	e := Entry{
		Format: rapid.IntRange(format.Oldest, format.Newest).Draw(t, "format"),
		Type:   EntryType(rapid.ByteRange(byte(EntryRecords), byte(EntryHandover)).Draw(t, "kind")),
		Epoch:  rapid.Uint64().Draw(t, "epoch"),
		Number: rapid.Uint64().Draw(t, "number"),
		Node:   rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "node"),
		Nonce:  rapid.Uint64().Draw(t, "nonce"),
		Lease:  time.Duration(rapid.IntRange(0, maxLease).Draw(t, "lease")) * time.Millisecond,
		Data:   rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data"),
	}
	if e.Format >= 2 {
		e.Clock = Clock{Elapsed: rapid.Int64().Draw(t, "elapsed"), Date: rapid.Int64().Draw(t, "date")}
	}
	if e.Format >= 2 && e.Type == EntryClaim {
		e.AcceptsLoss = rapid.Bool().Draw(t, "accepts")
		e.Prev = Name{rapid.Uint64().Draw(t, "prev epoch"), rapid.Uint64().Draw(t, "prev number"), rapid.Uint64().Draw(t, "prev nonce")}
	}
	return e
}

// equal reports whether two entries are alike in everything but their places.
func equal(a, b Entry) bool {
	a.Seq, b.Seq = 0, 0
	if len(a.Data) == 0 && len(b.Data) == 0 {
		a.Data, b.Data = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		prefix := []byte("kept")
		b := AppendEntry(prefix, e)
		if !bytes.HasPrefix(b, prefix) {
			t.Fatal("what was there is gone")
		}
		got, err := DecodeEntry(17, b[len(prefix):])
		if err != nil || got.Seq != 17 || !equal(got, e) {
			t.Fatalf("%+v became %+v, %v", e, got, err)
		}
		// Every cut in the part before the data is noticed.
		head := len(b) - len(prefix) - len(e.Data)
		if _, err := DecodeEntry(1, b[len(prefix):][:rapid.IntRange(0, head-1).Draw(t, "cut")]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut short: want ErrCorrupt, got %v", err)
		}
	})
}

// TestEntryNames: entries have the same name exactly if they are the same append.
func TestEntryNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyEntry(t), anyEntry(t)
		if rapid.Bool().Draw(t, "near") { // differ in one field, or in none
			b = a
			b.Seq++
			switch rapid.IntRange(0, 4).Draw(t, "field") {
			case 0:
				b.Epoch++
			case 1:
				b.Number++
			case 2:
				b.Node += "x"
			case 3:
				b.Nonce++
			}
		}
		b.Type = a.Type // one number of an epoch has one kind
		if (a.ID() == b.ID()) != a.Same(b) {
			t.Fatalf("%q and %q, the same: %t", a.ID(), b.ID(), a.Same(b))
		}
	})
}

func TestEntryOfANewerVersion(t *testing.T) {
	b := AppendEntry(nil, Entry{Type: EntryRecords, Node: "n"})
	b[1] = format.Entry(format.Newest + 1)
	if _, err := DecodeEntry(1, b); !errors.Is(err, ErrNewer) {
		t.Errorf("want ErrNewer, got %v", err)
	}
	if _, err := ReadEntry(1, b); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "run the newer version") {
		t.Errorf("want ErrNewer, and what to do about it, got %v", err)
	}
	for _, kind := range []byte{0, byte(EntryHandover) + 1, 255} {
		b := AppendEntry(nil, Entry{Type: EntryType(kind), Node: "n"})
		if _, err := DecodeEntry(1, b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("kind %d: want ErrCorrupt, got %v", kind, err)
		}
	}
}

// FuzzDecodeEntry: no bytes make it panic, and what it accepts it writes back
// as it was read, but for numbers written longer than need be.
func FuzzDecodeEntry(f *testing.F) {
	f.Add(AppendEntry(nil, Entry{Type: EntryClaim, Epoch: 1, Node: "n1", Nonce: 7}))
	f.Add(AppendEntry(nil, Entry{Type: EntryRecords, Epoch: 1 << 63, Number: 300, Node: "n-2", Data: []byte("data")}))
	f.Add([]byte{magic, 1, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add(AppendEntry(nil, Entry{Format: 2, Type: EntryClaim, Epoch: 9, Node: "n1", Nonce: 7, Prev: Name{8, 1000, 3}, AcceptsLoss: true, Clock: Clock{1, -1}}))
	f.Add(AppendEntry(nil, Entry{Format: 2, Type: EntryHandover, Epoch: 9, Number: 5, Clock: Clock{1 << 62, 1 << 61}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEntry(5, b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Fatalf("unknown error %v", err)
			}
			read, err := ReadEntry(5, b)
			if foreign := read.Type == EntryForeign && read.Foreign != "" && read.Seq == 5; foreign == errors.Is(err, ErrNewer) {
				t.Fatalf("%x is read as %+v, %v", b, read, err)
			}
			return
		}
		if read, err := ReadEntry(5, b); err != nil || !equal(read, e) {
			t.Fatalf("%+v is read as %+v, %v", e, read, err)
		}
		again := AppendEntry(nil, e)
		if len(again) > len(b) {
			t.Fatalf("%x became longer: %x", b, again)
		}
		got, err := DecodeEntry(5, again)
		if err != nil || !equal(got, e) {
			t.Fatalf("%+v became %+v, %v", e, got, err)
		}
	})
}
