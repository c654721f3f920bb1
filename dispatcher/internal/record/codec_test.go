package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// samples are one record or more of each kind, with extremes.
func samples() []Record {
	full := Registered{
		At: noon.Add(123456789), Order: math.MaxUint64, Worker: "9f2c4e0011223344", Weight: ha.MaxWeight, Slots: ha.MaxSlots, Name: "east-1",
		Instance: "5d1f0c", Direct: true, Pools: []string{"default", ""}, Kinds: []string{"sha512", "x"},
	}
	return append(taskSamples(), []Record{
		&Elected{},
		&Elected{At: noon, Epoch: math.MaxUint64, Node: "d1"},
		&Registered{},
		&full,
		&Removed{At: noon, Worker: "w", Why: RemovedSilent},
		&Activated{At: time.Date(1969, 1, 1, 0, 0, 0, 1, time.UTC), Worker: "w", Number: 1 << 63},
		&Ended{Worker: "w", Number: 7, Outcome: ha.OutcomeLost},
		&Ended{Worker: "w", Number: 0, Outcome: ha.OutcomeDone},
		&Begun{Epoch: 3, Node: "d2", Workers: 300},
		&Restored{},
		&Restored{
			Registered: full, Activations: 9, Running: []Run{{Number: 1, Epoch: 2}, {Number: math.MaxUint64}}, Recent: []Recent{{1, 1, true}, {2, 1, false}},
		},
		&History{First: true},
		&History{Task: true, Orders: []uint64{0, 1, math.MaxUint64}},
		&Totals{},
		&Totals{
			Epoch: 4, Node: "d1", LastActivated: noon, Registrations: 5,
			Counts: Counts{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, math.MaxUint64},
		},
	}...)
}

func TestRecordsSurviveTheirBytes(t *testing.T) {
	all := encode(samples()...)
	rest := all
	for _, want := range samples() {
		got, after, err := Decode(rest)
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		rest = after
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes are left over", len(rest))
	}
	kinds := map[Type]bool{}
	for _, r := range samples() {
		kinds[r.Type()] = true
	}
	if len(kinds) != int(TypeTaskTotals) {
		t.Errorf("samples has %d kinds of record, there are %d", len(kinds), TypeTaskTotals)
	}
}

// The numbers of kinds and outcomes are in journals that exist.
func TestFormatIsFixed(t *testing.T) {
	for _, c := range []struct {
		record Record
		want   string
	}{
		{&Elected{At: time.Unix(0, 1), Epoch: 2, Node: "n"}, "\x01\x02\x02\x01n"},
		{&Removed{At: time.Unix(0, 1), Worker: "w", Why: RemovedBye}, "\x03\x02\x01w\x01"},
		{&Activated{At: time.Unix(0, 1), Worker: "w", Number: 300}, "\x04\x02\x01w\xac\x02"},
		{&Ended{Worker: "w", Number: 5, Outcome: ha.OutcomeLost}, "\x05\x01w\x05\x05"},
		{&Ended{Worker: "w", Number: 5, Outcome: ha.OutcomeFailed}, "\x05\x01w\x05\x01"},
		{&History{Task: true, Orders: []uint64{1}}, "\x07\x01\x00\x01\x01"},
		{&Begun{Epoch: 2, Node: "n", Workers: 3}, "\x09\x02\x01n\x03"},
		{&TaskSubmitted{At: time.Unix(0, 1), Number: 2, Print: 3, Spec: plainSpec()}, "\x0a\x02\x02\x03\x04t1-1\x01k\x00\x00"},
		{&TaskStarted{At: time.Unix(0, 1), Worker: "w", Number: 2, Task: 3}, "\x0b\x02\x01w\x02\x03"},
		{
			&TaskEnded{Worker: "w", Number: 2, Outcome: ha.OutcomeFailed, Worked: 3, Fate: Fate{
				At: time.Unix(0, 1), Next: Scheduled, Reason: Backoff, Turn: 4, Due: time.Unix(0, 2), Charged: true, Lost: true, Error: "e", Result: []byte("1"),
			}},
			"\x0c\x01w\x02\x01\x03\x02\x02\x07\x04\x04\x03\x01e\x011",
		},
		{&TaskMoved{Task: 9, Fate: Fate{Next: Cancelled, Reason: Asked}}, "\x0d\x09\x00\x07\x06\x00\x00\x00\x00\x00"},
		{&TasksForgotten{Tasks: []uint64{9, 8}}, "\x0e\x02\x12\x01"},
		{&TasksPulled{Receipt: "r", Tasks: []uint64{1}}, "\x0f\x01r\x01\x02"},
		{&RuleSet{Key: "*", Concurrency: 2}, "\x10\x00\x00\x00\x01*\x00\x02\x00\x00"},
		{&BatchSet{Name: "b", Close: true, Then: "t"}, "\x11\x01b\x01\x01t"},
	} {
		t.Run(fmt.Sprintf("%T", c.record), func(t *testing.T) {
			if got := string(encode(c.record)); got != c.want {
				t.Errorf("%+v: got %q, want %q", c.record, got, c.want)
			}
		})
	}
}

func TestShortRecordsAreCorrupt(t *testing.T) {
	for _, r := range samples() {
		whole := encode(r)
		for n := range whole {
			if got, _, err := Decode(whole[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%T: %d of %d bytes decode as %+v, %v", r, n, len(whole), got, err)
			}
		}
	}
	for _, b := range []string{"", "\x00", "\x0a", "\x19", "\xff\x01", "\x05\x01w\x05\x06"} {
		if _, _, err := Decode([]byte(b)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got %v, want ErrCorrupt", b, err)
		}
	}
}

// A length that no input can hold must not ask for memory.
func TestCorruptLengthsAllocateNothing(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<40)
	registered := encode(&Registered{})
	cases := map[string][]byte{
		"string":  append([]byte{byte(TypeElected), 0, 0}, huge...),
		"pools":   append(slices.Clone(registered[:len(registered)-2]), huge...),
		"running": append(append([]byte{byte(TypeRestored)}, registered[1:]...), append([]byte{0}, huge...)...),
		"orders":  append([]byte{byte(TypeHistory), 0, 0}, huge...),
		"left":    append([]byte{byte(TypeTasksForgot)}, huge...),
		"ids":     append([]byte{byte(TypeIDsRestored)}, huge...),
		"payload": append([]byte{byte(TypeTaskSubmitted), 0, 0, 0, 0, 0}, huge...),
		"after":   append([]byte{byte(TypeTaskSubmitted), 0, 0, 0, 0, 0, 0, hasAfter}, huge...),
		"steps":   append([]byte{byte(TypeTaskSubmitted), 0, 0, 0, 0, 0, 0, 0x80 | hasSteps&0x7f, hasSteps >> 7}, huge...),
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := Decode(b)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: got %v, want ErrCorrupt", name, err)
			}
			// Some is for the error, and for whatever else runs.
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
				t.Errorf("%s: %d bytes are allocated for %d bytes of input", name, bytes, len(b))
			}
		})
	}
}

// FuzzDecodeRecord looks at both ways: what decodes must come out the same
// after it was encoded again, and bytes that do not decode must say so.
func FuzzDecodeRecord(f *testing.F) {
	for _, r := range samples() {
		f.Add(encode(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, rest, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || r != nil || rest != nil {
				t.Fatalf("got %+v, %d bytes and %v", r, len(rest), err)
			}
			return
		}
		if !bytes.HasSuffix(b, rest) || len(rest) == len(b) {
			t.Fatalf("%d of %d bytes are left", len(rest), len(b))
		}
		again := encode(r)
		if len(again) > len(b)-len(rest) {
			t.Fatalf("%d bytes became %d", len(b)-len(rest), len(again))
		}
		same, rest, err := Decode(again)
		// The bytes, and not the records: no NaN equals itself, and an empty map is as good as none.
		if err != nil || len(rest) > 0 || !bytes.Equal(encode(same), again) {
			t.Fatalf("%+v became %+v, %d bytes left, %v", r, same, len(rest), err)
		}
	})
}

func encode(records ...Record) (b []byte) {
	for _, r := range records {
		b = Append(b, r)
	}
	return b
}
