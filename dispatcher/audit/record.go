package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// Record is one record of the journal in words, or an entry that holds
// none. Its JSON is one flat object: seq, index, epoch, node, kind, record, the
// record's own fields, at.
type Record struct {
	// Seq is the sequence of the entry, Index the record's place in it, from 0.
	Seq   uint64
	Index int
	// Epoch and Node are the writer's.
	Epoch ha.Epoch
	Node  string
	// EntryType is "claim", "batch", "abdication", "void" if the entry has no effect, as no
	// dispatcher can have written it at its place, or "unreadable" if only a newer version
	// reads it. In JSON it is called kind.
	EntryType string
	// Record is what changed, such as "registered"; empty for an entry without
	// records, which is a renewal of the lease if it is a batch.
	Record string
	// Fields is what the record says, to be encoded as a JSON object; nil: nothing.
	Fields any
	// At is the record's own time, or that at which the entry was stored.
	At time.Time
	// Problem says why the entry is void, what is missing before it, or why it, or its records
	// from Index on, cannot be decoded.
	Problem string
}

// Renewal reports whether the entry only renews the lease.
func (r Record) Renewal() bool {
	return r.EntryType == typeRecords && r.Record == "" && r.Problem == ""
}

// The types of entries in words, as people are shown them.
const (
	typeClaim      = "claim"
	typeRecords    = "batch"
	typeHandover   = "abdication"
	typeVoid       = "void"
	typeUnreadable = "unreadable"
)

// typeName returns the word for a type of entries.
func typeName(t journal.EntryType) string {
	switch t {
	case journal.EntryClaim:
		return typeClaim
	case journal.EntryHandover:
		return typeHandover
	case journal.EntryRecords:
		return typeRecords
	}
	return typeUnreadable
}

// records shows what the stored entry holds. sieve has judged the entries before it.
func records(sieve *journal.Sieve, s journal.Stored, fn func(Record) error) error {
	e, err := journal.ReadEntry(s.Seq, s.Data)
	if err != nil {
		return fn(Record{Seq: s.Seq, EntryType: typeUnreadable, At: s.At, Problem: err.Error()})
	}
	base := Record{Seq: s.Seq, Epoch: ha.Epoch(e.Epoch), Node: e.Node, EntryType: typeName(e.Type), At: s.At}
	void, err := sieve.Judge(e)
	switch {
	case void != "":
		base.EntryType, base.Problem = typeVoid, void
		return fn(base)
	case err != nil:
		missing := base
		missing.Problem = err.Error()
		if err := fn(missing); err != nil {
			return err
		}
	}
	if len(e.Data) == 0 {
		return fn(base)
	}
	index := 0
	var stopped error
	err = eachRecord(e.Data, func(r record.Record) error {
		line := base
		line.Index = index
		fields, at := describe(r)
		line.Record, line.Fields = r.Type().String(), fields
		if !at.IsZero() {
			line.At = at
		}
		index++
		stopped = fn(line)
		return stopped
	})
	if err != nil && stopped == nil {
		base.Index, base.Problem = index, err.Error()
		return fn(base)
	}
	return stopped
}

// eachRecord decodes the data of an entry. An error of fn ends it and is
// returned; any other matches [record.ErrCorrupt] or [journal.ErrNewer].
func eachRecord(data []byte, fn func(record.Record) error) error {
	err := record.Each(data, fn)
	if errors.Is(err, record.ErrNewer) {
		err = fmt.Errorf("%w: %w", err, journal.ErrNewer)
	}
	return err
}

// describe returns the fields of a record, without its time.
func describe(r record.Record) (fields record.Object, at time.Time) {
	for _, f := range record.Show(r) {
		if t, ok := f.Value.(time.Time); ok && f.Name == "at" {
			at = t
			continue
		}
		fields = append(fields, f)
	}
	return fields, at
}

// MarshalJSON returns the flat object that the type's comment describes.
func (r Record) MarshalJSON() ([]byte, error) {
	head := struct {
		Seq    uint64   `json:"seq"`
		Index  int      `json:"index"`
		Epoch  ha.Epoch `json:"epoch"`
		Node   string   `json:"node"`
		Type   string   `json:"kind"`
		Record string   `json:"record,omitempty"`
	}{r.Seq, r.Index, r.Epoch, r.Node, r.EntryType, r.Record}
	tail := struct {
		Problem string    `json:"problem,omitempty"`
		At      time.Time `json:"at"`
	}{r.Problem, r.At}
	parts := []any{head, tail}
	if r.Fields != nil {
		parts = []any{head, r.Fields, tail}
	}
	out := []byte{'{'}
	for _, part := range parts {
		b, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("encode record %d of entry %d: %w", r.Index, r.Seq, err)
		}
		inner := bytes.TrimSuffix(bytes.TrimPrefix(b, []byte{'{'}), []byte{'}'})
		if len(inner) > 0 && len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, inner...)
	}
	return append(out, '}'), nil
}
