package audit

import (
	"errors"
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// verifier checks a journal entry by entry. See newVerifier.
type verifier struct {
	report Report
	core   *core.Core
	tally  *tally
	sieve  journal.Sieve

	next    uint64 // the sequence of the next entry
	began   bool   // an entry was read that counts
	skipped bool   // an entry since the last one that counts is missing or unreadable
	// blind: the state is not known any more, so records are only decoded.
	blind bool
}

// newVerifier returns a verifier of a journal that begins at the sequence first.
func newVerifier(first uint64) *verifier {
	// Whether a record can follow does not depend on the configuration, which the
	// journal does not hold. It bounds the memory that the state takes.
	config := core.Config{FleetConfig: core.FleetConfig{ShareWindow: 10_000, MaxWorkers: 1_000_000}}
	return &verifier{
		report: Report{First: first, Problems: []Problem{}},
		core:   core.New(config), tally: newTally(), next: first,
	}
}

func (v *verifier) addProblem(seq uint64, index int, format string, args ...any) {
	if len(v.report.Problems) == mostProblems {
		v.report.More++
		return
	}
	v.report.Problems = append(v.report.Problems, Problem{seq, index, fmt.Sprintf(format, args...)})
}

// entry takes the next entry as it is stored.
func (v *verifier) entry(seq uint64, data []byte) {
	v.report.Entries++
	if seq != v.next {
		v.missing(seq, v.next, seq-1)
	}
	v.next = seq + 1
	e, err := journal.ReadEntry(seq, data)
	if err != nil {
		v.addProblem(seq, -1, "%v", err)
		v.skipped, v.blind = true, true
		return
	}
	last := v.sieve.Last()
	void, err := v.sieve.Judge(e)
	if void != "" {
		v.addVoid(seq, void)
		return
	}
	if err != nil && !v.skipped {
		v.addProblem(seq, -1, "%v", err)
		v.blind = true
	}
	v.count(e, last)
	v.began, v.skipped = true, false
	if len(e.Data) > 0 {
		v.records(e)
	}
}

// count takes note of an entry that counts, after the one that was last.
func (v *verifier) count(e, last journal.Entry) {
	if !v.began || e.Epoch > last.Epoch {
		v.report.Epochs++
	}
	v.report.Format = max(v.report.Format, e.Format)
	switch {
	case !v.began && !v.skipped:
		v.checkFirst(e)
	case v.began && last.Type == journal.EntryHandover && e.Epoch == last.Epoch:
		v.addProblem(e.Seq, -1, "it follows the abdication that ended epoch %d", e.Epoch)
	}
}

// addVoid takes note of a void entry.
func (v *verifier) addVoid(seq uint64, why string) {
	v.report.Void++
	if len(v.report.VoidEntries) < mostProblems {
		v.report.VoidEntries = append(v.report.VoidEntries, Problem{seq, -1, why})
	}
}

func (v *verifier) missing(at, from, to uint64) {
	if from > to {
		v.addProblem(at, -1, "it comes a second time, or out of order: entry %d was expected", from)
	} else {
		v.addProblem(at, -1, "the entries %d to %d before it are missing", from, to)
	}
	v.skipped, v.blind = true, true
}

// checkFirst checks the first entry that counts. A journal that was cleaned begins
// with a snapshot, also if a backup of it was restored, which counts from 1.
func (v *verifier) checkFirst(e journal.Entry) {
	if e.Type == journal.EntryClaim && v.report.First == 1 || record.Begins(e.Data) {
		return
	}
	v.addProblem(e.Seq, -1, "the journal begins here, and neither with its first claim nor with a snapshot: what was before is missing")
	v.blind = true
}

// records replays an entry's records. After the first that cannot follow, the
// rest is decoded only: what it would lead to says nothing.
func (v *verifier) records(e journal.Entry) {
	index := 0
	err := eachRecord(e.Data, func(r record.Record) error {
		v.report.Records++
		if !v.blind {
			if err := v.replay(e, r); err != nil {
				v.addProblem(e.Seq, index, "%v", err)
				v.blind = true
			}
		}
		index++
		return nil
	})
	if err != nil {
		v.addProblem(e.Seq, index, "%v", err)
		v.blind = true
	}
}

func (v *verifier) replay(e journal.Entry, r record.Record) error {
	if err := v.core.Apply(r); err != nil {
		return err
	}
	if epoch := v.core.Epoch(); uint64(epoch) != e.Epoch || v.core.Leader() != e.Node {
		return fmt.Errorf("%s wrote it in epoch %d, but the leader elected last is %s in epoch %d", e.Node, e.Epoch, v.core.Leader(), epoch)
	}
	if err := v.tally.apply(r); err != nil {
		return err
	}
	if !v.core.Loading() && v.core.Counts() != v.tally.counts {
		return fmt.Errorf("counters differ: the state says %+v, the records make %+v", v.core.Counts(), v.tally.counts)
	}
	return nil
}

// finish looks at the journal as a whole; last is the sequence it must end at.
func (v *verifier) finish(last uint64) {
	if v.next <= last {
		v.addProblem(last, -1, "the entries %d to %d at the end are missing", v.next, last)
		v.blind = true
	}
	n := v.core.Counts()
	registered, _ := v.core.Population()
	v.report.Workers, v.report.Activations, v.report.Running = registered, n.Started, n.Running
	if v.blind {
		return
	}
	if v.core.Loading() {
		v.addProblem(last, -1, "the journal ends within the snapshot that it begins with")
	} else if err := errors.Join(v.tally.check(registered), v.tally.checkTasks(v.core.TasksKept()), v.core.Check()); err != nil {
		v.addProblem(last, -1, "%v", err)
	}
}
