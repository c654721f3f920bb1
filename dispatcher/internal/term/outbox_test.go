package term_test

import (
	"fmt"
	"slices"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// script is a gate and a sender that write down what they are asked and what leaves.
type script struct {
	lines []string
	open  int // how many more messages may leave
}

func (s *script) Set(term.Permit) {}

func (s *script) MayLeave(ha.Epoch) bool {
	s.open--
	return s.open >= 0
}

func (s *script) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *script) Reply(_ *term.Commit, r *term.Reply) { s.say("reply %s", r.To) }

func (s *script) Activate(_ *term.Commit, work []*step.Effect) int {
	work = work[:min(2, len(work))] // no more fit into a message
	line := "activate " + string(work[0].Worker)
	for _, e := range work {
		line += " " + string(e.Activation)
	}
	s.say("%s", line)
	return len(work)
}

func (s *script) Cancel(_ *term.Commit, e *step.Effect) {
	s.say("cancel %s %s", e.Worker, e.Activation)
}
func (s *script) Wants(typ step.EffectType) bool      { return typ != step.TellStarted }
func (s *script) Tell(_ *term.Commit, e *step.Effect) { s.say("tell %d", e.Type) }

// TestOutboxSendsInOrder, one message a step, and asks before each whether it may leave.
func TestOutboxSendsInOrder(t *testing.T) {
	activate := func(w ha.WorkerID, a ha.ActivationID) step.Effect {
		return step.Effect{Type: step.SendActivate, Worker: w, Activation: a}
	}
	c := &term.Commit{Replies: []term.Reply{{To: "x"}, {To: "y"}}}
	c.Ready.Effects = []step.Effect{
		activate("v", "1"), {Type: step.TellJoined}, {Type: step.TellStarted}, activate("w", "2"), activate("v", "3"), activate("v", "4"),
		{Type: step.SendCancel, Worker: "w", Activation: "2"}, activate("w", "5"), {Type: step.TellLost},
	}
	all := []string{
		"reply x", "reply y", fmt.Sprintf("tell %d", step.TellJoined), "activate v 1 3", "activate v 4", "activate w 2", "cancel w 2",
		fmt.Sprintf("tell %d", step.TellLost), "activate w 5",
	}
	s := &script{}
	o := term.NewOutbox(s, s)
	for open := range len(all) + 1 {
		s.lines, s.open = nil, open
		o.Begin(c)
		for before := len(s.lines); o.Step(); before = len(s.lines) {
			if len(s.lines) > before+1 {
				t.Fatalf("one step sends %q", s.lines[before:])
			}
		}
		if !slices.Equal(s.lines, all[:open]) {
			t.Errorf("with leave for %d messages left\n%q, want\n%q", open, s.lines, all[:open])
		}
	}
}
