package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// JournalStream is the stream of the journal below the default prefix.
const JournalStream = "HA-ha"

// EntryType says what an [Entry] is for.
type EntryType byte

// The types. What people are shown calls them batch, claim and abdication.
const (
	EntryRecords  EntryType = 1
	EntryClaim    EntryType = 2
	EntryHandover EntryType = 3
)

// Entry is who wrote one message of the journal, and when.
type Entry struct {
	Seq    uint64
	At     time.Time // by the server's clock
	Type   EntryType
	Epoch  uint64
	Number uint64 // within the epoch, the claim being 0
	Node   string
	Nonce  uint64
}

// entryMagic begins every entry.
const entryMagic = 0xfa

// newestFormat is the newest format that decodeEntry reads.
const newestFormat = 3

// decodeEntry reads the head of an entry of format 1 to 3, on its own: magic, version
// and type; epoch, number, lease, from format 2 on two clocks, and the length of the node as
// varints; node, nonce.
func decodeEntry(b []byte) (e Entry, err error) {
	if len(b) < 3 || b[0] != entryMagic || b[1] < 1 || b[1] > newestFormat {
		return e, fmt.Errorf("not an entry of format 1 to %d: % x", newestFormat, b[:min(len(b), 16)])
	}
	e.Type = EntryType(b[2])
	var lease, elapsed, date, length uint64
	fields := []*uint64{&e.Epoch, &e.Number, &lease}
	if b[1] >= 2 {
		fields = append(fields, &elapsed, &date)
	}
	b = b[3:]
	for _, field := range append(fields, &length) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return e, errors.New("an entry with a bad number")
		}
		*field, b = v, b[n:]
	}
	if uint64(len(b)) < length || uint64(len(b))-length < 8 {
		return e, errors.New("an entry cut short")
	}
	e.Node, e.Nonce = string(b[:length]), binary.BigEndian.Uint64(b[length:])
	return e, nil
}

// ReadJournal reads every entry that the journal's stream holds now.
func ReadJournal(ctx context.Context, nc *nats.Conn) (entries []Entry, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read the journal: %w", err)
		}
	}()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	stream, err := js.Stream(ctx, JournalStream)
	if err != nil {
		return nil, err
	}
	last := stream.CachedInfo().State.LastSeq
	if stream.CachedInfo().State.Msgs == 0 {
		return nil, nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	for len(entries) == 0 || entries[len(entries)-1].Seq < last {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, err
		}
		e, err := decodeEntry(msg.Data())
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", meta.Sequence.Stream, err)
		}
		e.Seq, e.At = meta.Sequence.Stream, meta.Timestamp
		entries = append(entries, e)
	}
	return entries, nil
}

// Audit returns what contradicts that one writer at a time wrote entries, which
// are in the order of the journal: an epoch belongs to one claim, later epochs
// come later, nothing is in between or missing.
func Audit(entries []Entry) (problems []string) {
	bad := func(e Entry, what string) {
		problems = append(problems, fmt.Sprintf("entry %d (epoch %d, number %d, %s): %s", e.Seq, e.Epoch, e.Number, e.Node, what))
	}
	for i, e := range entries {
		if i == 0 {
			continue // what it followed may have been purged
		}
		before := entries[i-1]
		switch {
		case e.Seq != before.Seq+1:
			bad(e, fmt.Sprintf("follows entry %d", before.Seq))
		case e.Epoch < before.Epoch:
			bad(e, fmt.Sprintf("written after epoch %d had begun", before.Epoch))
		case e.Epoch > before.Epoch && (e.Type != EntryClaim || e.Number != 0):
			bad(e, "an epoch that does not begin with its claim")
		case e.Epoch > before.Epoch:
		case e.Node != before.Node || e.Nonce != before.Nonce:
			bad(e, "a second writer in one epoch, the first is "+before.Node)
		case e.Number != before.Number+1:
			bad(e, fmt.Sprintf("follows number %d", before.Number))
		case before.Type == EntryHandover:
			bad(e, "written after the writer had abdicated")
		}
	}
	return problems
}

// Epochs returns how many epochs the entries belong to.
func Epochs(entries []Entry) (n int) {
	var last uint64 // no epoch is 0
	for _, e := range entries {
		if e.Epoch != last {
			n++
		}
		last = e.Epoch
	}
	return n
}
