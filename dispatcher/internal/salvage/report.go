package salvage

import "fmt"

// mostGaps is how many gaps a [Report] lists.
const mostGaps = 20

// Report says what was found, and what is lost.
type Report struct {
	// First and Last are the sequences of the first entry that was given and of the last that
	// there should be.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Entries is how many were read, Void how many of them no dispatcher wrote at their place, and
	// Missing how many sequences between First and Last have no entry.
	Entries uint64 `json:"entries"`
	Void    uint64 `json:"void"`
	Missing uint64 `json:"missing"`
	// Gaps are the first 20 places at which something is missing or cannot be; MoreGaps counts
	// the rest.
	Gaps     []Gap `json:"gaps"`
	MoreGaps int   `json:"more_gaps,omitempty"`
	// Snapshot is the sequence of the entry at which a whole snapshot begins that came after
	// a damage, so that all there was before it is known; 0: there is none.
	Snapshot uint64 `json:"snapshot,omitempty"`

	// LostTasks is how many submissions are known to be lost. Those after the last entry that
	// can be read are not known.
	LostTasks uint64 `json:"lost_tasks"`
	// MaybeLost is how many more tasks may be lost, as a part of the snapshot at the beginning cannot
	// be read. Those of them that were forgotten before are not lost; it is not known which.
	MaybeLost uint64 `json:"maybe_lost_tasks,omitempty"`
	// LostEnds is how many attempts ended of which the beginning cannot be read: their tasks run
	// again. Passed is how many other records were passed over, as they do not follow from what
	// is known.
	LostEnds uint64 `json:"lost_ends"`
	Passed   uint64 `json:"passed"`

	// Tasks is how many tasks are kept. Of them, Again were running, and will run again; Anew
	// have steps, and begin anew at the first; and Dangling wait for tasks that nobody has
	// submitted, or whose submission is lost.
	Tasks    int `json:"tasks"`
	Again    int `json:"again"`
	Anew     int `json:"anew"`
	Dangling int `json:"dangling"`
	// Epoch and Format are those of the journal that was made.
	Epoch  uint64 `json:"epoch"`
	Format int    `json:"format"`
}

// Damaged reports whether anything was wrong at all.
func (r Report) Damaged() bool { return len(r.Gaps) > 0 }

// Gap is a place at which something is missing.
type Gap struct {
	// Seq is the sequence of the first entry behind it.
	Seq     uint64 `json:"seq"`
	Problem string `json:"problem"`
}

// String says where and what on one line.
func (g Gap) String() string { return fmt.Sprintf("entry %d: %s", g.Seq, g.Problem) }

func (r *Report) gap(seq uint64, format string, args ...any) {
	if len(r.Gaps) == mostGaps {
		r.MoreGaps++
		return
	}
	r.Gaps = append(r.Gaps, Gap{seq, fmt.Sprintf(format, args...)})
}

// forgive takes back what was lost, as it is known after all.
func (r *Report) forgive(snapshot uint64) {
	r.Snapshot = snapshot
	r.LostTasks, r.MaybeLost, r.LostEnds, r.Passed = 0, 0, 0, 0
}
