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

	next    uint64        // the sequence of the next entry
	prev    journal.Entry // the last one that could be read; Seq 0: none yet
	skipped bool          // an entry between prev and the next one is missing or unreadable
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
	e, err := journal.DecodeEntry(seq, data)
	if err != nil {
		v.addProblem(seq, -1, "%v", err)
		v.skipped, v.blind = true, true
		return
	}
	if v.prev.Seq == 0 || e.Epoch > v.prev.Epoch {
		v.report.Epochs++
	}
	if v.prev.Seq == 0 && !v.skipped {
		v.checkFirst(e)
	}
	v.checkWriter(e)
	v.prev, v.skipped = e, false
	if len(e.Data) > 0 {
		v.records(e)
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

// checkFirst checks the entry that the journal begins with. One that was cleaned begins
// with a snapshot, also if a backup of it was restored, which counts from 1.
func (v *verifier) checkFirst(e journal.Entry) {
	if e.Type == journal.EntryClaim && e.Seq == 1 {
		return
	}
	if len(e.Data) > 1 {
		if r, _, err := record.Decode(e.Data[1:]); err == nil {
			if _, begins := r.(*record.Begun); begins {
				return
			}
		}
	}
	v.addProblem(e.Seq, -1, "the journal begins here, and neither with its first claim nor with a snapshot: what was before is missing")
	v.blind = true
}

// checkWriter checks what an entry says of who wrote it against the entry before.
func (v *verifier) checkWriter(e journal.Entry) {
	bad := func(format string, args ...any) { v.addProblem(e.Seq, -1, format, args...) }
	claim := e.Type == journal.EntryClaim
	if claim != (e.Number == 0) {
		bad("it is of kind %s and number %d in its epoch: a claim, and nothing else, has 0", typeName(e.Type), e.Number)
	}
	if len(e.Data) > 0 && e.Type != journal.EntryRecords {
		bad("it is of kind %s and holds %d bytes of records: only a batch may", typeName(e.Type), len(e.Data))
	}
	p := v.prev
	switch {
	case p.Seq == 0: // nothing to compare with
	case e.Epoch < p.Epoch:
		bad("its epoch %d is lower than %d of the entry before", e.Epoch, p.Epoch)
	case e.Epoch > p.Epoch:
		if !claim && !v.skipped {
			bad("epoch %d begins with an entry of kind %s and must begin with a claim", e.Epoch, typeName(e.Type))
		}
	case e.Node != p.Node || e.Nonce != p.Nonce:
		bad("two writers in epoch %d: %s (%x) after %s (%x)", e.Epoch, e.Node, e.Nonce, p.Node, p.Nonce)
	case claim:
		bad("a second claim in epoch %d", e.Epoch)
	case p.Type == journal.EntryHandover:
		bad("it follows the abdication that ended epoch %d", e.Epoch)
	case e.Number != p.Number+1 && !v.skipped, e.Number <= p.Number:
		bad("it has number %d in epoch %d, the entry before has %d", e.Number, e.Epoch, p.Number)
	}
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
