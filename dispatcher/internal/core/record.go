package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Record is one change of the state, as the journal keeps it: one of the types
// below. AppendRecord and DecodeRecord are its form in bytes.
type Record interface{ kind() recordKind }

type recordKind byte

// The numbers are part of the journal's format: never reuse one.
const (
	kindElected    recordKind = 1
	kindRegistered recordKind = 2
	kindRemoved    recordKind = 3
	kindActivated  recordKind = 4
	kindEnded      recordKind = 5
	kindRestored   recordKind = 6
	kindHistory    recordKind = 7
	kindTotals     recordKind = 8
	kindBegun      recordKind = 9
)

// Elected begins an epoch.
type Elected struct {
	At    time.Time
	Epoch ha.Epoch
	Node  string
}

// Registered adds a worker. Order counts the registrations of the journal from
// 1, without a gap.
type Registered struct {
	At       time.Time
	Order    uint64
	Worker   ha.WorkerID
	Weight   ha.Weight
	Slots    int
	Name     string
	Instance string
	Direct   bool
	Pools    []string
	Kinds    []string
}

// RemovedWhy says why a worker was removed.
type RemovedWhy byte

// Why a worker is removed.
const (
	// RemovedBye: it asked to.
	RemovedBye RemovedWhy = 1
	// RemovedSilent: it was not heard of for too long.
	RemovedSilent RemovedWhy = 2
	// RemovedGone: its process is gone.
	RemovedGone RemovedWhy = 3
)

// Removed takes a worker out. What it ran is counted as lost.
type Removed struct {
	At     time.Time
	Worker ha.WorkerID
	Why    RemovedWhy
}

// Activated gives a worker an activation. Number counts the activations of the
// journal from 1, without a gap.
type Activated struct {
	At     time.Time
	Worker ha.WorkerID
	Number uint64
}

// Ended takes an activation from a worker.
type Ended struct {
	Worker  ha.WorkerID
	Number  uint64
	Outcome ha.Outcome
}

// Begun begins a snapshot. Epoch and Node are those of the leader that writes
// it, and so of every activation between its pieces. Workers is about how many
// follow: a reader makes room for them at once.
type Begun struct {
	Epoch   ha.Epoch
	Node    string
	Workers uint64
}

// Restored is one worker of a snapshot.
type Restored struct {
	Registered
	Activations uint64
	Running     []Running
	Recent      []Recent
}

// Running is one activation that a worker runs.
type Running struct {
	Number uint64
	Epoch  ha.Epoch
	// Task is the task that it is for; 0: it is for none, or for none any more. A
	// [Restored] leaves it to the [WorkRestored] that follows.
	Task uint64
}

// Recent is one activation that ended not long ago.
type Recent struct {
	Number uint64
	Epoch  ha.Epoch
	Lost   bool
}

// History is a piece of the share window of a snapshot, oldest first: orders of
// registration, 0 for a worker that has left. First begins the window anew.
type History struct {
	Task   bool
	First  bool
	Orders []uint64
}

// Totals closes a snapshot: the counters of the whole state.
type Totals struct {
	Epoch         ha.Epoch
	Node          string
	LastActivated time.Time
	Counts        Counts
	Registrations uint64
}

// Counts are the counters since the journal began. Started is always Running
// plus the outcomes.
type Counts struct {
	Started, Running                                    uint64
	Done, Failed, Cancelled, TimedOut, Rejected, Losses uint64
	Joined, Left, Lost                                  uint64
}

func (Elected) kind() recordKind    { return kindElected }
func (Registered) kind() recordKind { return kindRegistered }
func (Removed) kind() recordKind    { return kindRemoved }
func (Activated) kind() recordKind  { return kindActivated }
func (Ended) kind() recordKind      { return kindEnded }
func (Begun) kind() recordKind      { return kindBegun }
func (Restored) kind() recordKind   { return kindRestored }
func (History) kind() recordKind    { return kindHistory }
func (Totals) kind() recordKind     { return kindTotals }
