package sim

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Mutation is a fault that the simulation builds in where core and world meet,
// so as to prove that it would notice. The core knows nothing of them.
type Mutation int

// The mutations.
const (
	// NoMutation: all is as it should be.
	NoMutation Mutation = iota
	// NoReconciliation keeps from the core what heartbeats say is running.
	NoReconciliation
	// NoDedupe lets workers run an activation as often as it is delivered.
	NoDedupe
	// ReplyBeforeCommit sends replies and orders before their records are committed.
	ReplyBeforeCommit
	// HastyEviction removes workers sooner than they give up by themselves.
	HastyEviction
	// NoCompareAndSet lets the log accept an append whatever entry it names.
	NoCompareAndSet
	// NoNaming takes the name off an append, so that none is told from another: a
	// repeated one goes to wherever the log ends.
	NoNaming
	// NoLease lets a leader act whether its lease holds or not.
	NoLease
	// AskOnce asks whether messages may leave once a commit, and not before each of them.
	AskOnce
	// NoFencing passes a report of an old attempt off as one of the attempt in force.
	NoFencing
	// NoTaskIDs gives a submission another id each time it is repeated.
	NoTaskIDs
	// NoTimeouts gives every attempt all the time there is.
	NoTimeouts
	// NoCancels loses every order to stop something.
	NoCancels
	// NoDependencies takes off a submission what the task comes after.
	NoDependencies
	// LostPieces leaves tasks out of snapshots.
	LostPieces
	// NoReceipts takes the receipt off a pull.
	NoReceipts
	// NoDeletes answers requests to delete tasks, and does nothing.
	NoDeletes
	// ErrorsPass takes an append that failed for another reason than a conflict for one
	// that has passed.
	ErrorsPass
	// HastyRepeats repeats an append that the log refuses at once, and again.
	HastyRepeats
	// StaleCompare lets the log compare what an append names with the end that a lagging
	// replica knows.
	StaleCompare
	// NoSieve lets those who follow the log apply what a stranger wrote.
	NoSieve
	// WallTime measures the elapsed time by the clock on the wall.
	WallTime
	// NoPauses loses every wish to pause something, and answers it.
	NoPauses
	// NoMark keeps from a term what the marks say.
	NoMark
	// DeafToMarks keeps from a term what is heard of marks while it runs.
	DeafToMarks
	// LowEpoch tells a term that accepts a loss of a lower epoch than that of the mark.
	LowEpoch
	// NoLook answers whoever asks whether the log still holds what it has read that it does.
	NoLook
	// NoPrev makes every claim name the entry before it.
	NoPrev
	// GapsPass counts the entries of an epoch anew, so that none seems to be missing.
	GapsPass
	// HastyPurge purges the beginning of a snapshot, too.
	HastyPurge
	// HastyUpgrade changes the format although somebody was heard who cannot read it.
	HastyUpgrade
	// SkipNewer lets a program take what it is too old to read for what is none.
	SkipNewer
	// RoomIgnored keeps from a leader that room is short.
	RoomIgnored
	// Believing has workers believe whatever epoch an order names.
	Believing
	// FreeReturns passes off whatever is handed back as handed back by a worker that is leaving.
	FreeReturns
)

// mutatedSpec is what a submission says once it has reached the dispatcher.
func (w *world) mutatedSpec(s *ha.TaskSpec) *ha.TaskSpec {
	if s == nil {
		return nil
	}
	changed := *s
	switch w.opts.Mutation {
	case NoTimeouts:
		changed.Timeout = ha.Milliseconds(ha.MaxTimeout)
		changed.Steps = nil
		for _, p := range s.Steps {
			p.Timeout = 0
			changed.Steps = append(changed.Steps, p)
		}
	case NoDependencies:
		changed.After = nil
	default:
		return s
	}
	return &changed
}

// mutatedInput is what the dispatcher makes of an input that arrived.
func (d *dispatcher) mutatedInput(in step.Input) step.Input {
	mutation := d.w.opts.Mutation
	switch in := in.(type) {
	case step.Heartbeat:
		if mutation == NoReconciliation {
			in.Running = nil
		}
		return in
	case step.Available:
		if mutation == NoFencing {
			d.unfence(&in)
		}
		in.Leaving = in.Leaving || mutation == FreeReturns
		return in
	case step.Submit:
		in.Spec = d.w.mutatedSpec(in.Spec)
		return in
	case step.ChangeBatch:
		in.Then = d.w.mutatedSpec(in.Then)
		return in
	case step.PullTasks:
		if mutation == NoReceipts {
			in.Receipt = ""
		}
		return in
	case step.DeleteTask:
		if mutation == NoDeletes {
			return step.Tick{At: in.At, Wall: in.At}
		}
		return in
	case step.Room:
		in.Short = in.Short && mutation != RoomIgnored
		return in
	case step.SetPause:
		in.Paused = in.Paused && mutation != NoPauses
		return in
	}
	return in
}

// unfence makes a report about a task that runs elsewhere by now one of who runs it.
func (d *dispatcher) unfence(in *step.Available) {
	for _, f := range in.Finished {
		g := d.w.books.find(f.Activation)
		if g == nil || g.task == nil {
			continue
		}
		r, err := d.term.Core().TaskRecord(g.task.id)
		if err == nil && r.State == ha.TaskRunning && r.Activation != f.Activation {
			f.Activation = r.Activation
			in.Worker, in.Finished = r.Worker, []step.Finished{f}
			return
		}
	}
}
