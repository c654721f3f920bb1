package fleet

import (
	"cmp"
	"iter"
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/share"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Worker is one registered worker. Only the fleet changes it.
type Worker struct {
	record.Registered
	activations uint64
	runs        []Run    // oldest first, at most Slots
	recent      []recent // oldest first, at most recentKept
	member      *share.Member[*Worker]
	section     *Section // nil: it takes plain activations
	work        record.WorkCounts

	soft soft
}

// Run is an activation in progress: it occupies a slot of a worker.
type Run struct {
	record.Run
	Owner   step.Owner
	omitted int // soft: heartbeats in a row that did not name it
}

// recent is a [record.Recent] in two thirds of its memory, of which every worker has
// dozens.
type recent struct {
	number uint64
	// mark is twice the epoch, and one more if the activation was lost. An epoch
	// is a count, or milliseconds of a clock, and never near 2^63.
	mark uint64
}

func pack(r record.Recent) recent {
	p := recent{number: r.Number, mark: uint64(r.Epoch) << 1}
	if r.Lost {
		p.mark++
	}
	return p
}

func (p recent) unpack() record.Recent {
	return record.Recent{Number: p.number, Epoch: ha.Epoch(p.mark >> 1), Lost: p.mark&1 == 1}
}

func (w *Worker) group() int {
	if len(w.Kinds) > 0 {
		return kindGroup
	}
	return plainGroup
}

// recentKept is how many ended activations a worker is remembered for, so that
// a repeated available is known for what it is.
func (w *Worker) recentKept() int { return max(16, 2*w.Slots) }

// RunOf returns the run of the activation of that id, if w runs it.
func (w *Worker) RunOf(id ha.ActivationID) (Run, bool) {
	a, ok := parseActivationID(id)
	if !ok {
		return Run{}, false
	}
	i, found := w.find(a)
	if !found {
		return Run{}, false
	}
	return w.runs[i], true
}

// Runs yields what w runs, the oldest first. The fleet must not change meanwhile.
func (w *Worker) Runs() iter.Seq[Run] { return slices.Values(w.runs) }

// Oldest returns the run that began first, if w runs anything.
func (w *Worker) Oldest() (Run, bool) {
	if len(w.runs) == 0 {
		return Run{}, false
	}
	return w.runs[0], true
}

// Owned returns the oldest run that has an owner, if there is one.
func (w *Worker) Owned() (Run, bool) {
	i := slices.IndexFunc(w.runs, func(a Run) bool { return a.Owner != step.Owner{} })
	if i < 0 {
		return Run{}, false
	}
	return w.runs[i], true
}

// indexOfNumber returns the index of the run of that number.
func (w *Worker) indexOfNumber(number uint64) (i int, found bool) {
	return slices.BinarySearchFunc(w.runs, number, func(r Run, n uint64) int { return cmp.Compare(r.Number, n) })
}

// find returns the index of a among what w runs, which is in order of the numbers.
func (w *Worker) find(a record.Run) (i int, found bool) {
	i, found = w.indexOfNumber(a.Number)
	return i, found && w.runs[i].Epoch == a.Epoch
}

// remove takes run i out of those that w runs.
func (w *Worker) remove(i int) Run {
	a := w.runs[i]
	// The oldest mostly end first: moving those before it, if they are fewer, leaves the
	// many slots of a wide worker alone.
	if i < len(w.runs)/2 {
		copy(w.runs[1:i+1], w.runs[:i])
		w.runs[0] = Run{}
		w.runs = w.runs[1:]
	} else {
		w.runs = slices.Delete(w.runs, i, i+1)
	}
	return a
}

// remember keeps what ended not long ago.
func (w *Worker) remember(a record.Run, lost bool) {
	if len(w.recent) == w.recentKept() {
		w.recent = w.recent[1:]
	}
	w.recent = append(w.recent, pack(record.Recent{Number: a.Number, Epoch: a.Epoch, Lost: lost}))
}

func (w *Worker) isRecent(a record.Run, lost bool) bool {
	return slices.Contains(w.recent, pack(record.Recent{Number: a.Number, Epoch: a.Epoch, Lost: lost}))
}
