package sim

import (
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// free is how many attempts at a task may come back in a row without having begun before that counts.
const free = 2

// returns is how often in a row a task came back without having begun, by what the books have seen (most). A
// leader that began with a snapshot does not know all of them, but at least (least) those of its own time. The
// next leader may know more than the one before: it may have followed for longer.
type returns struct {
	least, most int
	epoch       ha.Epoch // of the last
}

// isReturn reports whether an attempt that ended so came back without having begun.
func isReturn(r *record.TaskEnded) bool {
	switch r.Outcome {
	case ha.OutcomeRejected, ha.OutcomeCancelled:
		return r.Reason != record.WorkerLeft
	case ha.OutcomeLost:
		return r.Reason == record.OrderLost || r.Reason == record.AttemptsUsedUp
	}
	return false
}

// mayReturn checks what becomes of a task that came back.
func (b *books) mayReturn(t *task, r *record.TaskEnded) error {
	n := b.nextReturn(t)
	if !r.Lost {
		if n.least > free {
			return fmt.Errorf("it came back %d times in a row, and that does not count", n.least)
		}
		if r.Charged || r.Next != record.Pending {
			return fmt.Errorf("without a fault of its own it becomes %s", r.Next.Name())
		}
		return nil
	}
	if n.most <= free {
		return fmt.Errorf("it counts that it came back %d times in a row", n.most)
	}
	b.w.nemesis.tally.Tasks.CameBack++
	if t.lost >= t.policy().MaxLost {
		return b.mayCharge(t, r.Fate, false)
	}
	if r.Charged || r.Next != record.Scheduled {
		return fmt.Errorf("after it came back %d times in a row it becomes %s", n.most, r.Next.Name())
	}
	least, most := pauseAfter(t.policy(), max(n.least, free+1)-free), pauseAfter(t.policy(), n.most-free)
	if pause := r.Due.Sub(r.At); pause < shortest(t.policy(), least) || pause > most+time.Microsecond {
		return fmt.Errorf("after it came back %d to %d times it pauses for %s, and not from %s to %s", n.least, n.most, pause, least, most)
	}
	return nil
}

// nextReturn is what the books would count with one more.
func (b *books) nextReturn(t *task) returns {
	n := returns{t.returns.least + 1, t.returns.most + 1, b.epoch}
	if t.returns.epoch != b.epoch {
		n.least = 1
	}
	return n
}

// countReturn takes note of how an attempt ended.
func (b *books) countReturn(t *task, r *record.TaskEnded) {
	if !isReturn(r) {
		t.returns = returns{}
		return
	}
	n := b.nextReturn(t)
	if r.Lost {
		n.least = max(n.least, free+1)
	}
	t.returns = n
}

// mayLeave checks that a worker left, or said that it would, which gives back a task.
func (b *books) mayLeave(r *record.TaskEnded) error {
	if !b.w.tasks.leavers[r.Worker] {
		return errors.New("nobody said that its worker is leaving")
	}
	if r.Charged || r.Lost || r.Next != record.Pending {
		return fmt.Errorf("without a fault of its own it becomes %s", r.Next.Name())
	}
	return nil
}

// pauseAfter is the longest pause after so many failures, from 1.
func pauseAfter(p *ha.Retry, failures int) time.Duration {
	most := p.Backoff.Duration()
	for range failures - 1 {
		most = min(time.Duration(float64(most)*p.Factor), p.MaxBackoff.Duration())
	}
	return min(most, p.MaxBackoff.Duration())
}

// shortest is what chance may make of the longest pause.
func shortest(p *ha.Retry, longest time.Duration) time.Duration {
	return time.Duration(float64(longest)*(1-p.Jitter)) - time.Microsecond
}
