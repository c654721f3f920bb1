package salvage

import (
	"errors"
	"fmt"
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// ErrNothing says that there is nothing to salvage: no record could be read.
var ErrNothing = errors.New("nothing of the journal can be read")

// Salvager makes a journal of what it is given of another one. Use [New]. It must not be used
// concurrently.
type Salvager struct {
	report Report
	sieve  journal.Sieve
	next   uint64 // the sequence of the next entry
	began  bool   // an entry was given that counts
	any    bool   // a record could be read
	hole   bool   // something cannot be read since the last entry that counts

	// exact is the state as long as nothing is missing, or nil. broken: something is missing
	// since the last record.
	exact  *core.Core
	broken bool
	ledger *ledger // from the first record after a damage on

	// whole loads a snapshot that began after the damage, at the entry wholeSeq; nil: none did.
	whole    *core.Core
	wholeSeq uint64

	// head is the entry of the highest epoch and the latest time, without its data.
	head journal.Entry
}

// New returns a Salvager of a journal that begins at the sequence first.
func New(first uint64) *Salvager {
	return &Salvager{report: Report{First: first, Gaps: []Gap{}}, exact: newCore(), next: first}
}

// newCore returns a state that holds any journal. Whether a record can follow does not depend
// on the configuration.
func newCore() *core.Core {
	return core.New(core.Config{FleetConfig: core.FleetConfig{ShareWindow: 10_000, MaxWorkers: 1_000_000}})
}

// Entry takes the next entry that is there, as it is stored. The error matches
// [journal.ErrNewer] if only a newer version of this program reads it; the Salvager must not be
// used then.
func (s *Salvager) Entry(seq uint64, data []byte) error {
	e, err := journal.ReadEntry(seq, data)
	if err != nil {
		return err
	}
	if seq < s.next {
		return nil // a second time
	}
	s.report.Entries++
	if seq > s.next {
		s.missing(seq, seq-1)
	}
	s.next = seq + 1
	void, err := s.sieve.Judge(e)
	switch {
	case void != "" && s.lacksClaim(e):
		s.damage(seq, "the claim that began epoch %d is missing", e.Epoch)
		s.sieve.Accept(e)
	case void != "":
		s.report.Void++
		s.hole = s.hole || e.Type == journal.EntryForeign // which may have been anything
		return nil
	}
	s.hole = false
	if err != nil && !s.broken {
		s.damage(seq, "%v", err)
	}
	if !s.began && !s.broken && (e.Type != journal.EntryClaim || seq != 1) && !record.Begins(e.Data) {
		s.damage(seq, "neither the first claim nor a snapshot begins here: what was before is missing")
	}
	s.began = true
	s.note(e)
	if len(e.Data) == 0 {
		return nil
	}
	err = record.Each(e.Data, func(r record.Record) error {
		s.record(e, r)
		return nil
	})
	if errors.Is(err, record.ErrNewer) {
		return fmt.Errorf("entry %d: %w: %w", seq, err, journal.ErrNewer)
	}
	if err != nil {
		s.damage(seq, "%v", err)
	}
	return nil
}

// lacksClaim reports whether an entry is void only because its epoch's claim is among what cannot
// be read.
func (s *Salvager) lacksClaim(e journal.Entry) bool {
	last := s.sieve.Last().Epoch
	return s.hole && (e.Type == journal.EntryRecords || e.Type == journal.EntryHandover) && e.Number > 0 &&
		e.Epoch > last && e.Epoch-last <= journal.MaxEpochStep
}

// note keeps what the head of an entry says.
func (s *Salvager) note(e journal.Entry) {
	e.Data = nil
	e.Clock.Elapsed, e.Clock.Date = max(e.Clock.Elapsed, s.head.Clock.Elapsed), max(e.Clock.Date, s.head.Clock.Date)
	e.Format = max(e.Format, s.head.Format, format.Oldest)
	s.head = e // void entries aside, epochs never fall
}

func (s *Salvager) missing(behind, to uint64) {
	s.report.Missing += to - s.next + 1
	s.hole = true
	s.damage(behind, "%s before it cannot be read", span(s.next, to))
}

// span names entries.
func span(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("entry %d", from)
	}
	return fmt.Sprintf("%d entries, %d to %d,", to-from+1, from, to)
}

// damage takes note that something is missing before the next record.
func (s *Salvager) damage(seq uint64, format string, args ...any) {
	s.report.gap(seq, format, args...)
	s.broken, s.whole = true, nil
	if s.ledger != nil {
		s.ledger.doubt()
	}
}

func (s *Salvager) record(e journal.Entry, r record.Record) {
	s.any = true
	if s.exact != nil && !s.broken {
		err := s.exact.Apply(r)
		if err == nil {
			return
		}
		// The state may have taken a part of it, about a worker or about tasks forgotten, which
		// the ledger does not mind.
		s.damage(e.Seq, "%v", err)
	}
	if s.exact != nil {
		s.ledger, s.exact = newLedger(s.exact, &s.report), nil
	}
	s.broken = false
	s.ledger.apply(r)
	s.loadWhole(e, r)
}

// loadWhole follows a snapshot beside the ledger, and takes its place if it is whole.
func (s *Salvager) loadWhole(e journal.Entry, r record.Record) {
	if _, begun := r.(*record.Begun); begun {
		s.whole, s.wholeSeq = newCore(), e.Seq
	}
	if s.whole == nil {
		return
	}
	if err := s.whole.Apply(r); err != nil {
		s.whole = nil
		return
	}
	if _, closed := r.(*record.Totals); closed && !s.whole.Loading() {
		s.exact, s.whole, s.ledger = s.whole, nil, nil
		s.report.forgive(s.wholeSeq)
	}
}

// Finish ends the reading; last is the sequence at which the journal should end. It returns
// the journal's entries, from 1 on, and what is to be said about them. most is the length in
// bytes to which it fills an entry; a record that is longer has one of its own. The error
// matches [ErrNothing] if no record could be read. Any other is a fault of this program.
func (s *Salvager) Finish(last uint64, most int) (entries []journal.Entry, report Report, err error) {
	s.report.Last = max(last, s.next-1)
	if s.next <= last {
		s.report.Missing += last - s.next + 1
		s.report.gap(last+1, "%s at the end cannot be read", span(s.next, last))
	}
	if !s.any {
		return nil, s.report, ErrNothing
	}
	if s.exact != nil && s.exact.Loading() {
		s.report.gap(s.report.Last+1, "the journal ends within the snapshot that it begins with")
		s.ledger, s.exact = newLedger(s.exact, &s.report), nil
	}
	state, err := s.state()
	if err != nil {
		return nil, s.report, fmt.Errorf("salvage: what was read makes no state: %w", err)
	}
	s.report.Tasks, s.report.Dangling = state.TasksKept(), dangling(state)
	s.report.Epoch, s.report.Format = uint64(state.Epoch()), state.Format()
	return s.entries(state, most), s.report, nil
}

// state returns all that is known.
func (s *Salvager) state() (*core.Core, error) {
	state := s.exact
	if state == nil {
		var err error
		if state, err = s.ledger.rebuild(s.head); err != nil {
			return nil, err
		}
	} else if epoch := ha.Epoch(s.head.Epoch); state.Epoch() < epoch {
		// A leader that claimed, and wrote no more.
		if err := state.Apply(&record.Elected{At: step.Moment(s.head.Clock.Date), Epoch: epoch, Node: s.head.Node}); err != nil {
			return nil, err
		}
	}
	if err := state.Check(); err != nil {
		return nil, err
	}
	return state, nil
}

// dangling counts the tasks that wait for one that nobody has submitted, as far as is known.
func dangling(state *core.Core) (n int) {
	for r := range state.Snapshot() {
		t, ok := r.(*record.TaskRestored)
		if ok && slices.ContainsFunc(t.Open, func(i uint64) bool { return state.NumberOf(t.Spec.After[i]) == 0 }) {
			n++
		}
	}
	return n
}

// entries writes the state as a snapshot.
func (s *Salvager) entries(state *core.Core, most int) (entries []journal.Entry) {
	e := journal.Entry{
		Format: state.Format(), Type: journal.EntryRecords, Epoch: uint64(state.Epoch()), Node: state.Leader(),
		Nonce: s.head.Nonce, Lease: s.head.Lease, Clock: s.head.Clock,
	}
	version := format.Records(state.Format())
	data := []byte{version}
	flush := func() {
		if len(data) > 1 {
			e.Seq++
			e.Number++
			e.Data = data
			entries = append(entries, e)
			data = []byte{version}
		}
	}
	var one []byte
	for r := range state.Snapshot() {
		one = record.Append(one[:0], r)
		if len(data)+len(one) > most {
			flush()
		}
		data = append(data, one...)
	}
	flush()
	return entries
}
