package term_test

import (
	"slices"
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

func hello(r *rig, to string) term.Request {
	return term.Request{Caller: term.Caller{ReplyTo: to}, Input: step.Hello{At: r.Wall(), Weight: 1, Slots: 1, Instance: to}}
}

// TestNothingIsSentOutOfTheLease: what is committed when the lease has run out is kept until the
// next commit renews it.
func TestNothingIsSentOutOfTheLease(t *testing.T) {
	r := leading(t, journal.NewMemoryAt(0), nil)
	r.term.Handle(hello(r, "a"))
	r.term.Flush()
	r.now += time.Second // the lease, since it was sent
	r.answer()
	if to := r.replies(); len(to) > 0 {
		t.Errorf("replies to %q left without a lease", to)
	}
	r.term.Tick() // renews, having looked whether the log still is the one it was
	for r.answer() {
	}
	if to := r.replies(); !slices.Equal(to, []string{"a"}) {
		t.Errorf("with the lease renewed, replies to %q have left", to)
	}
}

// TestNothingLeavesAfterTheHandover is proposed: the next leader may have begun before the
// answer comes.
func TestNothingLeavesAfterTheHandover(t *testing.T) {
	r := leading(t, journal.NewMemoryAt(0), nil)
	if !r.MayLeave(r.term.Epoch()) {
		t.Fatal("a leader's messages may not leave")
	}
	r.term.Finish()
	if !r.term.Idle() || !r.term.HandOver() {
		t.Fatal("it does not hand over")
	}
	if r.MayLeave(r.term.Epoch()) {
		t.Error("messages may leave while the handover is on its way")
	}
	if r.answerAll(); r.term.Role() != journal.RoleDeposed || r.MayLeave(r.term.Epoch()) {
		t.Errorf("after the handover it is %s, messages may leave: %v", r.term.Role(), r.MayLeave(r.term.Epoch()))
	}
}
