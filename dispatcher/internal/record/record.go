package record

import (
	"errors"
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

// FormatVersion is the highest version of the records' form in bytes. A reader refuses
// a higher one than its own, and reads every lower one. Version 2 added the records
// about tasks; the version of the records of the journal's format f is f + 1.
const FormatVersion = format.Newest + 1

var (
	// ErrCorrupt says that bytes are not records of this format.
	ErrCorrupt = errors.New("corrupt record")
	// ErrNewer says that records are of a format that only a newer version of this program
	// reads.
	ErrNewer = errors.New("records of a newer format")
)

// newerError is the version of records that match [ErrNewer].
type newerError byte

func (e newerError) Error() string {
	return fmt.Sprintf("records of format %d, this binary reads up to %d", byte(e), FormatVersion)
}

func (e newerError) Is(target error) bool { return target == ErrNewer }

// Record is one change of the state, as the journal keeps it: a pointer to one of the
// structs of this package.
type Record interface {
	// Type returns the number that the record's bytes begin with.
	Type() Type
	// fields passes every field to c, in the order of the bytes.
	fields(c *Codec)
}

// Type is the number of a type of records.
type Type byte

// The numbers are part of the journal's format: never use one again.
const (
	TypeElected       Type = 1
	TypeRegistered    Type = 2
	TypeRemoved       Type = 3
	TypeActivated     Type = 4
	TypeEnded         Type = 5
	TypeRestored      Type = 6
	TypeHistory       Type = 7
	TypeTotals        Type = 8
	TypeBegun         Type = 9
	TypeTaskSubmitted Type = 10
	TypeTaskStarted   Type = 11
	TypeTaskEnded     Type = 12
	TypeTaskMoved     Type = 13
	TypeTasksForgot   Type = 14
	TypeTasksPulled   Type = 15
	TypeRuleSet       Type = 16
	TypeBatchSet      Type = 17
	TypeTaskRestored  Type = 18
	TypeWorkRestored  Type = 19
	TypeKindRestored  Type = 20
	TypePoolRestored  Type = 21
	TypeBatchRestored Type = 22
	TypeIDsRestored   Type = 23
	TypeTaskTotals    Type = 24
	TypeFormatSet     Type = 25
	TypeClockSet      Type = 26
)

// Types is how many numbers of types there may be. Those that types does not list, 0 among them, are none.
const Types = 64

// types gives every type its name and a way to make an empty record of it.
var types = [Types]struct {
	name string
	make func() Record
}{
	TypeElected:       {"elected", func() Record { return new(Elected) }},
	TypeRegistered:    {"registered", func() Record { return new(Registered) }},
	TypeRemoved:       {"removed", func() Record { return new(Removed) }},
	TypeActivated:     {"activated", func() Record { return new(Activated) }},
	TypeEnded:         {"ended", func() Record { return new(Ended) }},
	TypeRestored:      {"restored", func() Record { return new(Restored) }},
	TypeHistory:       {"history", func() Record { return new(History) }},
	TypeTotals:        {"totals", func() Record { return new(Totals) }},
	TypeBegun:         {"begun", func() Record { return new(Begun) }},
	TypeTaskSubmitted: {"task_submitted", func() Record { return new(TaskSubmitted) }},
	TypeTaskStarted:   {"task_started", func() Record { return new(TaskStarted) }},
	TypeTaskEnded:     {"task_ended", func() Record { return new(TaskEnded) }},
	TypeTaskMoved:     {"task_moved", func() Record { return new(TaskMoved) }},
	TypeTasksForgot:   {"tasks_forgotten", func() Record { return new(TasksForgotten) }},
	TypeTasksPulled:   {"tasks_pulled", func() Record { return new(TasksPulled) }},
	TypeRuleSet:       {"rule_set", func() Record { return new(RuleSet) }},
	TypeBatchSet:      {"batch_set", func() Record { return new(BatchSet) }},
	TypeTaskRestored:  {"task_restored", func() Record { return new(TaskRestored) }},
	TypeWorkRestored:  {"work_restored", func() Record { return new(WorkRestored) }},
	TypeKindRestored:  {"kind_restored", func() Record { return new(KindRestored) }},
	TypePoolRestored:  {"pool_restored", func() Record { return new(PoolRestored) }},
	TypeBatchRestored: {"batch_restored", func() Record { return new(BatchRestored) }},
	TypeIDsRestored:   {"ids_restored", func() Record { return new(IDsRestored) }},
	TypeTaskTotals:    {"task_totals", func() Record { return new(TaskTotals) }},
	TypeFormatSet:     {"format_set", func() Record { return new(FormatSet) }},
	TypeClockSet:      {"clock_set", func() Record { return new(ClockSet) }},
}

// String returns the name of t in lower case, words joined by '_', such as
// "task_submitted".
func (t Type) String() string {
	if !t.exists() {
		return fmt.Sprintf("type %d", byte(t))
	}
	return types[t].name
}

// exists reports whether there are records of the type.
func (t Type) exists() bool { return t < Types && types[t].make != nil }

// Snapshot reports whether records of the type are pieces of snapshots.
func (t Type) Snapshot() bool {
	switch t {
	case TypeBegun, TypeRestored, TypeHistory, TypeTotals, TypeTaskRestored, TypeWorkRestored, TypeKindRestored, TypePoolRestored,
		TypeBatchRestored, TypeIDsRestored, TypeTaskTotals:
		return true
	}
	return false
}

// Single reports whether records of the type are pieces of snapshots about one worker or
// task, after which records of other changes may come. The other pieces describe one
// moment together.
func (t Type) Single() bool {
	switch t {
	case TypeRestored, TypeWorkRestored, TypeTaskRestored:
		return true
	}
	return false
}

// Append appends the bytes of r to dst.
func Append(dst []byte, r Record) []byte {
	c := Codec{mode: writing, buf: append(dst, byte(r.Type()))}
	r.fields(&c)
	return c.buf
}

// Decode reads the record at the start of b and returns what follows it. The record
// shares no memory with b. The error matches [ErrCorrupt].
func Decode(b []byte) (r Record, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errEmpty()
	}
	if !Type(b[0]).exists() {
		return nil, nil, errUnknown(b[0])
	}
	r = types[b[0]].make()
	c := Codec{mode: reading, buf: b[1:]}
	r.fields(&c)
	if c.bad {
		return nil, nil, errCut(b[0])
	}
	return r, c.buf, nil
}

func errEmpty() error { return fmt.Errorf("decode record: empty: %w", ErrCorrupt) }

func errUnknown(t byte) error {
	return fmt.Errorf("decode record: unknown kind %d: %w", t, ErrCorrupt)
}

func errCut(t byte) error {
	return fmt.Errorf("decode record of kind %d: cut short or out of range: %w", t, ErrCorrupt)
}
