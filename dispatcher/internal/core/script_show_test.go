package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// show writes down records and effects, and keeps the records as a journal does.
func (s *script) show(out step.Ready) {
	for r := range out.Records.All() {
		s.journal = record.Append(s.journal, r)
		if r, ok := r.(*record.Registered); ok {
			s.name(r)
		}
		s.say("record", "%s", s.record(r))
	}
	for _, e := range out.Effects {
		what := "event"
		if e.Type == step.SendActivate || e.Type == step.SendCancel {
			what = "send"
		}
		if t := out.TaskOf(&e); t != nil {
			s.say(what, "%s", s.taskEffect(e, t))
			continue
		}
		s.say(what, "%s", s.effect(e))
	}
}

func (s *script) name(r *record.Registered) {
	name := r.Name
	for i := 2; s.ids[name] != ""; i++ {
		name = fmt.Sprintf("%s#%d", r.Name, i)
	}
	s.ids[name], s.names[r.Worker] = r.Worker, name
}

func (s *script) record(r record.Record) string {
	switch r := r.(type) {
	case *record.Elected:
		return fmt.Sprintf("elected %s, epoch %d", r.Node, r.Epoch)
	case *record.Registered:
		text := fmt.Sprintf("registered %s, order %d, weight %d, slots %d", s.names[r.Worker], r.Order, r.Weight, r.Slots)
		if r.Instance != "" {
			text += ", instance " + r.Instance
		}
		if len(r.Kinds) > 0 {
			text += ", kinds " + strings.Join(r.Kinds, " ")
		}
		if len(r.Pools) > 0 && !slices.Equal(r.Pools, []string{"default"}) {
			text += ", pools " + strings.Join(r.Pools, " ")
		}
		return text
	case *record.Removed:
		return fmt.Sprintf("removed %s, %s", s.names[r.Worker], r.Why)
	case *record.Activated:
		return fmt.Sprintf("activated %s, number %d", s.names[r.Worker], r.Number)
	case *record.Ended:
		return fmt.Sprintf("ended %s, number %d, %s", s.names[r.Worker], r.Number, r.Outcome)
	}
	return s.taskRecord(r)
}

func (s *script) effect(e step.Effect) string {
	words := map[step.EffectType]string{
		step.SendActivate: "activate", step.SendCancel: "cancel", step.TellJoined: "worker.joined", step.TellLeft: "worker.left", step.TellLost: "worker.lost", step.TellRejecting: "worker.rejecting",
		step.TellActivated: "worker.activated", step.TellAvailable: "worker.available", step.TellElected: "leader.elected",
	}
	text := words[e.Type]
	if e.Type == step.TellElected {
		return text + " " + e.Name
	}
	text += " " + s.names[e.Worker]
	for _, part := range []string{string(e.Activation), string(e.Outcome), e.Error, e.Reason} {
		if part != "" {
			text += ", " + part
		}
	}
	return text
}

func (s *script) workers(a *arguments) error {
	for v := range s.core.Workers(0) {
		state := "idle"
		if v.Busy {
			state = "busy"
		}
		seen := "never" // by this leader, as it does not lead
		if !v.LastSeen.IsZero() {
			seen = v.LastSeen.Sub(noon).Round(time.Millisecond).String()
		}
		s.say("worker", "%-8s weight %2d  activations %3d  share %.2f of %.2f  %s %d/%d  seen at %s", s.names[v.Worker], v.Weight,
			v.Activations, v.Share, v.ExpectedShare, state, v.Running, v.Slots, seen)
	}
	return a.finish()
}

func (s *script) counts(a *arguments) error {
	n := s.core.Counts()
	s.say("workers", "joined %d, left %d, lost %d", n.Joined, n.Left, n.Lost)
	text := fmt.Sprintf("started %d, running %d", n.Started, n.Running)
	for _, o := range append(reportable, ha.OutcomeLost) {
		if count := *n.Of(o); count > 0 {
			text += fmt.Sprintf(", %s %d", o, count)
		}
	}
	s.say("work", "%s", text)
	return a.finish()
}
