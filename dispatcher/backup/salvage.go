package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/salvage"
	"github.com/seed261fe303/ha/subjects"
)

var (
	// ErrNothing says that no record of the journal can be read.
	ErrNothing = salvage.ErrNothing
	// ErrWhole says that a journal is not damaged, so that there is nothing to salvage.
	ErrWhole = errors.New("the journal is not damaged")
)

// Salvaged says what was found in a damaged journal, and what is lost.
type Salvaged = salvage.Report

// salvagedEntry is the length in bytes to which an entry of a salvaged journal is filled, which
// is what leaders fill theirs to.
const salvagedEntry = 128 << 10

// Salvage makes a journal of all that can be read of the damaged one below a prefix, which is as
// [subjects.NewNames] wants it, and writes it to w as a backup, for [Restore]. It changes nothing
// in the damaged one, in which no dispatcher can lead, and writes nothing before it has read
// everything. What becomes of tasks of which something is missing is documented in the operations
// guide.
//
// Errors match [ErrNoJournal] if there is none, [ErrNothing] if no record can be read,
// [ErrWhole] if nothing is wrong with it, [ha.ErrInvalid] for a bad prefix, and the context's cause if ctx ended. Entries at the end that
// the server promises and does not show within 10 s count as missing.
func Salvage(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (Salvaged, Info, error) {
	report, info, err := salvageBelow(ctx, nc, prefix, w)
	if err != nil {
		return report, info, fmt.Errorf("salvage the journal of %q: %w", prefix, err)
	}
	return report, info, nil
}

func salvageBelow(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (Salvaged, Info, error) {
	names, err := subjects.NewNames(prefix)
	if err != nil {
		return Salvaged{}, Info{}, err
	}
	info := Info{Prefix: names.Prefix(), TakenAt: time.Now().UTC()}
	in, err := journal.OpenReader(ctx, nc, names.Prefix())
	if err != nil {
		return Salvaged{}, info, err
	}
	state, err := in.State(ctx)
	if err != nil {
		return Salvaged{}, info, err
	}
	s := salvage.New(state.FirstSeq)
	if state.FirstSeq <= state.LastSeq {
		err = in.Read(ctx, state.FirstSeq, state.LastSeq, func(m journal.Stored) error { return s.Entry(m.Seq, m.Data) })
		if err != nil && (!errors.Is(err, nats.ErrTimeout) || ctx.Err() != nil) {
			return Salvaged{}, info, err
		}
	}
	entries, report, err := s.Finish(state.LastSeq, salvagedEntry)
	if err == nil && !report.Damaged() {
		err = ErrWhole
	}
	if err != nil {
		return report, info, err
	}
	out := newWriter(w)
	if err := out.begin(header{Prefix: info.Prefix, TakenAt: info.TakenAt, First: 1, Last: uint64(len(entries))}); err != nil {
		return report, info, err
	}
	for _, e := range entries {
		out.add(e)
		info.note(e)
	}
	err = out.end()
	info.Entries, info.Bytes, info.Void, info.Missing = out.count, out.bytes, report.Void, report.Missing
	return report, info, err
}
