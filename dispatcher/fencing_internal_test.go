package dispatcher

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// TestAnotherLeadershipsMessagesStay: the outbox outlives a leadership. What it
// could not send in one must not leave in a later one, after another dispatcher led.
func TestAnotherLeadershipsMessagesStay(t *testing.T) {
	o := &outbox{d: &Dispatcher{began: time.Now()}}
	mayAct := func(p *permit) bool {
		o.d.permit.Store(p)
		return o.mayAct(&commit{epoch: 5})
	}
	if mayAct(nil) {
		t.Error("without a leadership something may leave")
	}
	if mayAct(&permit{epoch: 5}) {
		t.Error("something may leave after the lease")
	}
	if !mayAct(&permit{epoch: 5, until: time.Hour}) {
		t.Error("nothing may leave within the lease")
	}
	if mayAct(&permit{epoch: 7, until: time.Hour}) {
		t.Error("something of epoch 5 may leave in epoch 7")
	}
}

// cleanedMeanwhile is a log that is cleaned between the question where it ends
// and the reading of it.
type cleanedMeanwhile struct{ journal.Log }

func (cleanedMeanwhile) Bounds(context.Context) (first, last uint64, err error) { return 1, 100, nil }

func (cleanedMeanwhile) Follow(_ context.Context, _ uint64, fn func(journal.Entry) error) error {
	return fn(journal.Entry{Seq: 90, Type: journal.EntryRecords})
}

// TestCleanedBeforeItIsRead: what was the journal's end may by then lie within
// the snapshot that it begins with, which is no corruption.
func TestCleanedBeforeItIsRead(t *testing.T) {
	sights := make(chan journalRead, 2)
	readJournal(t.Context(), cleanedMeanwhile{}, sights, func(error) {})
	if s := <-sights; s.end == nil || *s.end != 100 {
		t.Errorf("showed %+v instead of the end", s)
	}
	if s := <-sights; !errors.Is(s.err, journal.ErrGap) {
		t.Errorf("showed %+v instead of a gap, which makes the loop read it again", s)
	}
}
