package dispatcher

import (
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// TestAnotherLeadershipsMessagesStay: the outbox outlives a leadership. What it
// could not send in one must not leave in a later one, after another dispatcher led.
func TestAnotherLeadershipsMessagesStay(t *testing.T) {
	g := gate{&Dispatcher{began: time.Now()}}
	if g.MayLeave(5) || g.MayLeave(0) {
		t.Error("without a leadership something may leave")
	}
	mayAct := func(p term.Permit) bool {
		g.Set(p)
		return g.MayLeave(5)
	}
	if mayAct(term.Permit{}) || g.MayLeave(0) {
		t.Error("without a permit something may leave")
	}
	if mayAct(term.Permit{Epoch: 5}) {
		t.Error("something may leave after the lease")
	}
	if !mayAct(term.Permit{Epoch: 5, Until: time.Hour}) {
		t.Error("nothing may leave within the lease")
	}
	if mayAct(term.Permit{Epoch: 7, Until: time.Hour}) {
		t.Error("something of epoch 5 may leave in epoch 7")
	}
}
