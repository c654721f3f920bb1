package journal

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Version is the version of the entries' form in bytes.
const Version = 1

// magic begins every entry, so that what is none is told from what is newer. It
// begins no UTF-8 text.
const magic = 0xfa

// maxLease is the longest lease an entry may carry, in milliseconds: an hour.
const maxLease = 3_600_000

// EntryType says what an entry is for. (Kinds are those of tasks.)
type EntryType byte

// The types. Their numbers are part of the format: never reuse one.
const (
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
	Seq  uint64
	Type EntryType
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
	Data  []byte
}

// Same reports whether e and o are one and the same append, whatever place it got.
func (e Entry) Same(o Entry) bool {
	return e.Type == o.Type && e.Epoch == o.Epoch && e.Number == o.Number && e.Node == o.Node && e.Nonce == o.Nonce
}

// ID is the name of the append, for a log that drops duplicates by it.
func (e Entry) ID() string {
	return fmt.Sprintf("%d-%d-%s-%x", e.Epoch, e.Number, e.Node, e.Nonce)
}

// AppendEntry appends the bytes of e to dst. Seq is not part of them.
func AppendEntry(dst []byte, e Entry) []byte {
	dst = append(dst, magic, Version, byte(e.Type))
	dst = binary.AppendUvarint(dst, e.Epoch)
	dst = binary.AppendUvarint(dst, e.Number)
	dst = binary.AppendUvarint(dst, uint64(e.Lease.Milliseconds()))
	dst = binary.AppendUvarint(dst, uint64(len(e.Node)))
	dst = append(dst, e.Node...)
	dst = binary.BigEndian.AppendUint64(dst, e.Nonce)
	return append(dst, e.Data...)
}

// DecodeEntry reads what AppendEntry wrote. Data is a part of b. The error
// matches [ErrNewer] or [ErrCorrupt].
func DecodeEntry(seq uint64, b []byte) (Entry, error) {
	corrupt := func(what string) (Entry, error) {
		return Entry{}, fmt.Errorf("decode entry %d: %s: %w", seq, what, ErrCorrupt)
	}
	if len(b) < 3 || b[0] != magic {
		return corrupt("not an entry of this journal")
	}
	if b[1] > Version {
		return Entry{}, fmt.Errorf("decode entry %d: format %d, this binary reads up to %d: %w", seq, b[1], Version, ErrNewer)
	}
	e := Entry{Seq: seq, Type: EntryType(b[2])}
	if b[1] == 0 || e.Type < EntryRecords || e.Type > EntryHandover {
		return corrupt(fmt.Sprintf("format %d, kind %d", b[1], b[2]))
	}
	b = b[3:]
	var fields [4]uint64
	for i := range fields {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return corrupt("bad number")
		}
		fields[i], b = v, b[n:]
	}
	e.Epoch, e.Number = fields[0], fields[1]
	if fields[2] > maxLease {
		return corrupt("bad lease")
	}
	e.Lease = time.Duration(fields[2]) * time.Millisecond
	if fields[3] > uint64(len(b)) || uint64(len(b))-fields[3] < 8 {
		return corrupt("cut short")
	}
	e.Node, b = string(b[:fields[3]]), b[fields[3]:]
	e.Nonce, e.Data = binary.BigEndian.Uint64(b), b[8:]
	return e, nil
}
