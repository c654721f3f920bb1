package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// mostProblems is how many problems a [Report] lists.
const mostProblems = 20

// Report is what [Inspector.Verify] found.
type Report struct {
	Stream string `json:"stream"`
	// First and Last are the sequences of the entries looked at.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Entries, Records and Epochs count what is in the journal now.
	Entries uint64 `json:"entries"`
	Records uint64 `json:"records"`
	Epochs  uint64 `json:"epochs"`
	// Format is the format of the journal at its end.
	Format int `json:"format"`
	// Void counts the entries that nobody takes for a part of the journal: what is no entry of
	// it, and what no dispatcher can have written at its place. That is no problem, as they have
	// no effect. VoidEntries are the first 20 of them.
	Void        uint64    `json:"void"`
	VoidEntries []Problem `json:"void_entries,omitempty"`
	// Workers are registered at the end; Activations and Running were started
	// since the journal began, and run at its end.
	Workers     int    `json:"workers"`
	Activations uint64 `json:"activations"`
	Running     uint64 `json:"running"`
	// Bytes is what the journal takes in one replica.
	Bytes uint64 `json:"bytes"`
	// Problems are the first 20 things that are wrong, in the order of the journal;
	// none: all is well. More counts the rest.
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitempty"`
}

// Problem is one thing that is wrong, and where.
type Problem struct {
	// Seq is the entry's sequence.
	Seq uint64 `json:"seq"`
	// Index is the record's place in the entry, from 0; -1: the entry as a whole.
	Index   int    `json:"index"`
	Problem string `json:"problem"`
}

// String says where and what on one line.
func (p Problem) String() string {
	if p.Index < 0 {
		return fmt.Sprintf("entry %d: %s", p.Seq, p.Problem)
	}
	return fmt.Sprintf("entry %d, record %d: %s", p.Seq, p.Index, p.Problem)
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// errCleaned says that entries were cleaned away before they were verified.
var errCleaned = errors.New("the journal was cleaned while it was read")

// Verify replays the journal from its first entry to what is its last one now, and
// checks all that a dispatcher relies on. What is wrong with the journal is in
// the report; the error says only why it could not be looked at. A leader may
// write meanwhile.
func (i *Inspector) Verify(ctx context.Context) (Report, error) {
	const attempts = 5 // a cleaning takes 8 MiB of records: more than one in a reading is rare
	for n := 1; ; n++ {
		report, err := i.verifyOnce(ctx)
		if !errors.Is(err, errCleaned) || n == attempts {
			return report, err
		}
	}
}

func (i *Inspector) verifyOnce(ctx context.Context) (Report, error) {
	state, err := i.log.State(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify journal %s: %w", i.Stream(), err)
	}
	v := newVerifier(state.FirstSeq)
	v.report.Stream, v.report.Last, v.report.Bytes = i.Stream(), state.LastSeq, state.Bytes
	if state.FirstSeq > state.LastSeq {
		if state.LastSeq > 0 {
			v.addProblem(state.LastSeq, -1, "the journal has lost its entries, this was the last: restore a backup")
		}
		return v.report, nil
	}
	err = i.log.Read(ctx, state.FirstSeq, state.LastSeq, func(s journal.Stored) error {
		if s.Seq > v.next {
			if first, _, err := i.Bounds(ctx); err != nil {
				return err
			} else if first > v.next {
				return fmt.Errorf("verify journal %s: %w", i.Stream(), errCleaned)
			}
		}
		v.entry(s.Seq, s.Data)
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	v.finish(state.LastSeq)
	return v.report, nil
}
