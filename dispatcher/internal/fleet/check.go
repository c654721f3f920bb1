package fleet

import "fmt"

// Check counts the workers and what they run anew, and returns an error if the counters
// say anything else. It takes time in proportion to the workers, and is for tests and for
// those who verify a journal.
func (f *Fleet) Check() error {
	if f.common.Loading {
		return nil // nothing is in order yet
	}
	n := f.counts
	if ended := n.Done + n.Failed + n.Cancelled + n.TimedOut + n.Rejected + n.Losses; n.Started != n.Running+ended {
		return fmt.Errorf("check fleet: started %d, running %d, ended %d", n.Started, n.Running, ended)
	}
	registered, running := uint64(0), uint64(0)
	for w := range f.order.after(0) {
		registered++
		running += uint64(len(w.runs))
		if len(w.runs) > w.Slots {
			return fmt.Errorf("check fleet: worker %s runs %d in %d slots", w.Worker, len(w.runs), w.Slots)
		}
	}
	switch entries := len(f.order.list); {
	case n.Joined != registered+n.Left+n.Lost || registered != uint64(len(f.workers)):
		return fmt.Errorf("check fleet: joined %d, left %d, lost %d; registered %d in order, %d by id",
			n.Joined, n.Left, n.Lost, registered, len(f.workers))
	case running != n.Running:
		return fmt.Errorf("check fleet: workers run %d, the counter says %d", running, n.Running)
	case entries > 2*len(f.workers)+65:
		return fmt.Errorf("check fleet: %d workers take %d entries of the order", len(f.workers), entries)
	}
	return nil
}
