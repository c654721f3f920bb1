package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

// magic begins every entry, so that what is none is told from what is newer. It
// begins no UTF-8 text.
const magic = 0xfa

// maxLease is the longest lease an entry may carry, in milliseconds: an hour.
const maxLease = 3_600_000

// EntryType says what an entry is for. (Kinds are those of tasks.)
type EntryType byte

// The types. Their numbers are part of the format: never reuse one.
const (
	// EntryForeign is a message of the log that is no entry; see [Entry.Foreign]. It is never
	// written.
	EntryForeign EntryType = 0
	// EntryRecords carries records; without any it renews the lease. What people are
	// shown calls it a batch.
	EntryRecords EntryType = 1
	// EntryClaim begins an epoch.
	EntryClaim EntryType = 2
	// EntryHandover ends one in order: nobody need wait for the lease. What people are
	// shown calls it an abdication.
	EntryHandover EntryType = 3
)

// Entry is one message of the log.
type Entry struct {
	// Seq is the entry's place, from 1. The log gives it.
	Seq uint64
	// Format is the journal's format in which the entry is written; 0 is 1.
	Format int
	Type   EntryType
	// Epoch is the writer's.
	Epoch uint64
	// Number counts the entries of the epoch, the claim being 0. Node and Nonce tell
	// the writer apart from all others. Together they name the entry for ever.
	Number uint64
	Node   string
	Nonce  uint64
	// Lease is the writer's, in whole milliseconds: a standby waits for longer than
	// that, whatever its own is.
	Lease time.Duration
	// Clock is the time of the group when the entry was made. Format 1 has none.
	Clock Clock
	// Prev names the last entry before a claim that is not void; the zero Name: there is
	// none. AcceptsLoss says that the claim was made although entries are known to be missing
	// before it. Both are for claims, from format 2 on.
	Prev        Name
	AcceptsLoss bool
	// Data belongs to the writer. Of a message that is no entry, it is all of it.
	Data []byte
	// Foreign says why the message is no entry; it is set if Type is [EntryForeign].
	Foreign string
}

// Clock is the time of a group of dispatchers, as its leader sees it.
type Clock struct {
	// Elapsed counts the time in which the group had a leader, in nanoseconds from a moment
	// that has no meaning. Date is the group's date, in nanoseconds since 1970.
	Elapsed, Date int64
}

// Name tells an entry from every other one of its log but for the node, which the nonce
// stands for.
type Name struct{ Epoch, Number, Nonce uint64 }

// Name returns the name of e.
func (e Entry) Name() Name { return Name{Epoch: e.Epoch, Number: e.Number, Nonce: e.Nonce} }

// Same reports whether e and o are one and the same append, whatever place it got.
func (e Entry) Same(o Entry) bool {
	return e.Type == o.Type && e.Epoch == o.Epoch && e.Number == o.Number && e.Node == o.Node && e.Nonce == o.Nonce &&
		e.Prev == o.Prev && bytes.Equal(e.Data, o.Data)
}

// ID is the name of the append, for a log that drops duplicates by it.
func (e Entry) ID() string {
	return fmt.Sprintf("%d-%d-%s-%x", e.Epoch, e.Number, e.Node, e.Nonce)
}

// flagAcceptsLoss is a bit in a claim.
const flagAcceptsLoss = 1

// AppendEntry appends the bytes of e to dst. Seq is not part of them.
func AppendEntry(dst []byte, e Entry) []byte {
	f := max(e.Format, format.Oldest)
	dst = append(dst, magic, format.Entry(f), byte(e.Type))
	dst = binary.AppendUvarint(dst, e.Epoch)
	dst = binary.AppendUvarint(dst, e.Number)
	dst = binary.AppendUvarint(dst, uint64(e.Lease.Milliseconds()))
	if f >= 2 {
		dst = binary.AppendVarint(dst, e.Clock.Elapsed)
		dst = binary.AppendVarint(dst, e.Clock.Date)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Node)))
	dst = append(dst, e.Node...)
	dst = binary.BigEndian.AppendUint64(dst, e.Nonce)
	if f >= 2 && e.Type == EntryClaim {
		dst = appendClaim(dst, e)
	}
	return append(dst, e.Data...)
}

func appendClaim(dst []byte, e Entry) []byte {
	flags := byte(0)
	if e.AcceptsLoss {
		flags |= flagAcceptsLoss
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, e.Prev.Epoch)
	dst = binary.AppendUvarint(dst, e.Prev.Number)
	return binary.BigEndian.AppendUint64(dst, e.Prev.Nonce)
}

// ReadEntry returns the message b of the log as an entry, which is [EntryForeign] if it is
// none. Its data is a part of b. The error matches [ErrNewer], and nothing else.
func ReadEntry(seq uint64, b []byte) (Entry, error) {
	e, err := parse(seq, b)
	if err == nil || e.Type != EntryForeign {
		return e, err
	}
	return Entry{Seq: seq, Data: b, Foreign: err.Error()}, nil
}

// DecodeEntry reads what AppendEntry wrote. Data is a part of b. The error
// matches [ErrNewer] or [ErrCorrupt].
func DecodeEntry(seq uint64, b []byte) (Entry, error) {
	e, err := parse(seq, b)
	switch {
	case err == nil:
		return e, nil
	case e.Type != EntryForeign:
		return Entry{}, fmt.Errorf("decode entry %d: %w", seq, err)
	}
	return Entry{}, fmt.Errorf("decode entry %d: %w: %w", seq, err, ErrCorrupt)
}

// parse reads an entry. If the error matches [ErrNewer], the type of the entry is set;
// otherwise it is [EntryForeign], as b is no entry.
func parse(seq uint64, b []byte) (Entry, error) {
	if len(b) < 3 || b[0] != magic {
		return Entry{}, foreignError("not an entry of this journal")
	}
	f := int(b[1])
	if f > format.Newest {
		return Entry{Type: EntryRecords}, fmt.Errorf("entry %d has format %d, this version of ha reads formats %d to %d:"+
			" run the newer version (see ha version): %w", seq, f, format.Oldest, format.Newest, ErrNewer)
	}
	e := Entry{Seq: seq, Format: f, Type: EntryType(b[2])}
	if f < format.Oldest || e.Type < EntryRecords || e.Type > EntryHandover {
		return Entry{}, foreignError(fmt.Sprintf("format %d, kind %d", f, b[2]))
	}
	r := reader{b: b[3:]}
	e.Epoch, e.Number = r.uvarint(), r.uvarint()
	lease := r.uvarint()
	if lease > maxLease {
		return Entry{}, foreignError("bad lease")
	}
	e.Lease = time.Duration(lease) * time.Millisecond
	if f >= 2 {
		e.Clock = Clock{Elapsed: r.varint(), Date: r.varint()}
	}
	e.Node = string(r.take(r.uvarint()))
	e.Nonce = r.uint64()
	if f >= 2 && e.Type == EntryClaim {
		flags := r.take(1)
		e.AcceptsLoss = len(flags) == 1 && flags[0]&flagAcceptsLoss != 0
		e.Prev = Name{Epoch: r.uvarint(), Number: r.uvarint(), Nonce: r.uint64()}
		if len(flags) == 1 && flags[0] > flagAcceptsLoss {
			return Entry{}, foreignError("unknown flags")
		}
	}
	if r.bad {
		return Entry{}, foreignError("cut short")
	}
	e.Data = r.b
	return e, nil
}

type foreignError string

func (e foreignError) Error() string { return string(e) }

// reader reads the parts of an entry. After bad is set, everything is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() {
	r.b, r.bad = nil, true
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	part := r.b[:n]
	r.b = r.b[n:]
	return part
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}
