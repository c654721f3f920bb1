package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
)

// claimant is what the writer of a claim knew when it sent it.
type claimant struct {
	known   mark.Position
	began   mark.Position // and when the term began
	accepts bool          // it was started to accept a loss
	old     bool          // and the journal had the first format then, in which no claim can say that one was accepted
	reads   int           // the newest format that its program reads
}

// checkClaim checks a claim that is about to become a part of the log: whether whoever wrote it may
// lead on a log that lost something. It reports whether the world goes on.
func (w *world) checkClaim(e journal.Entry, c claimant) bool {
	l := &w.log
	met, accepts := l.meets(c.known), e.AcceptsLoss
	if e.Format < 2 && c.accepts && !met {
		accepts = true // which an entry of format 1 cannot say
	}
	n := &w.nemesis.tally
	switch {
	case !met && !accepts && e.Type != journal.EntryClaim:
		w.fail("%s goes on although it knows that the log had %+v", e.Node, c.known)
	case e.Type != journal.EntryClaim:
		w.stop(w.unseen(), fmt.Sprintf("%s goes on in a log that lost its end, and knows of nothing that it has not: %+v", e.Node, c.known))
	case accepts && met && l.meets(c.began) && !c.old:
		w.fail("%s accepts a loss, and what it knows of is in the log", e.Node)
	case !accepts && !met:
		w.fail("%s leads although it knows that the log had %+v", e.Node, c.known)
	case l.damage == nil:
		return true
	case l.damage.ofEnd() && !accepts:
		w.stop(w.unseen(), fmt.Sprintf("%s leads on a log that lost its end, and knows of nothing that it has not: %+v", e.Node, c.known))
	case e.Epoch <= c.known.Epoch:
		w.fail("%s accepts a loss under epoch %d, and knows of epoch %d", e.Node, e.Epoch, c.known.Epoch)
	case e.Epoch <= w.topEpoch:
		w.stop(w.unseen(), fmt.Sprintf("%s begins epoch %d, which was before, and knows of nothing that the log has not: %+v", e.Node, e.Epoch, c.known))
	case accepts:
		n.Accepted++
		w.rollBack(ha.Epoch(e.Epoch))
	}
	return !w.over && w.failure == nil
}

// unseen returns what counts a loss that was not noticed: that no mark told of it, as all that did were lost
// with the last second before a power cut, or that nobody heard of those who have one.
func (w *world) unseen() *int {
	for _, d := range w.dispatchers {
		if !w.log.meets(d.mark.last) {
			return &w.nemesis.tally.Unheard
		}
	}
	return &w.nemesis.tally.Unseen
}

// committed is an entry, and the true time at which it came into the log.
type committed struct {
	journal.Entry
	at time.Duration
}

// rollBack makes the books what they were at the end of the log, now that somebody accepted under
// an epoch that all that came behind is lost.
func (w *world) rollBack(epoch ha.Epoch) {
	end := uint64(0)
	if own := w.log.own; len(own) > 0 {
		end = own[len(own)-1].Seq
	}
	if w.tracing {
		w.say("the loss is accepted: what the log had after entry %d is forgotten", end)
	}
	old, now, tally, tracing := w.books, w.now, w.nemesis.tally, w.tracing
	w.books, w.tracing = newBooks(w), false
	w.books.again = true
	for _, c := range w.log.damage.history {
		if c.Seq > end {
			break
		}
		w.now = c.at
		w.books.enterEntry(c.Entry)
	}
	w.now, w.nemesis.tally, w.tracing = now, tally, tracing
	w.books.again, w.books.refused, w.books.lastSent, w.books.cancels = false, old.refused, old.lastSent, old.cancels
	w.log.damage, w.accepted = nil, epoch
}

// isOver reports whether an epoch was over when somebody accepted that its end is lost. What was
// sent in it may be known to nobody any more.
func (w *world) isOver(epoch ha.Epoch) bool { return epoch < w.accepted }

// isLost reports whether an activation may be one that the log has lost.
func (w *world) isLost(id ha.ActivationID) bool {
	epoch, _, _ := strings.Cut(strings.TrimPrefix(string(id), "a"), "-")
	n, err := strconv.ParseUint(epoch, 36, 64)
	return err == nil && w.isOver(ha.Epoch(n))
}
