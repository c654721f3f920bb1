package sim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// books is what the simulation itself makes of the committed records. It shares
// nothing with the core's own bookkeeping, and checks it. Beside it stands a
// standby: a core that only applies.
type books struct {
	w       *world
	standby *core.Core
	// rules are those of the dispatcher that wrote the last entry.
	rules *core.Config
	epochs
	ledger

	epoch       ha.Epoch
	registered  map[ha.WorkerID]*registration
	ever        map[ha.WorkerID]*registration // also those removed
	activations []*activation                 // by number, from 1
	ended       uint64
	outcomes    map[ha.Outcome]int
	cancels     int // orders to cancel ever sent

	joined, left, lost uint64

	paceEpoch ha.Epoch // for the pace: the first activation of an epoch, and how many since
	paceFrom  time.Time
	paceCount int

	// timeline tells what the dates of records are in elapsed time.
	timeline step.Timeline

	// history is all that was entered, again tells that it is entered once more.
	history []committed
	again   bool
}

// registration is one registered worker.
type registration struct {
	record.Registered
	owner    *worker
	running  map[uint64]bool
	removals int
	// rejected counts the rejections since a true time, for a second.
	rejected int
	since    time.Duration
}

// activation is one activation that was ever made.
type activation struct {
	worker  ha.WorkerID
	epoch   ha.Epoch
	at      time.Duration // true time of the commit
	running bool
	begun   bool // the worker's own word
	ends    int

	task *task // nil: a plain activation
	// want is what its order is to say of the task.
	want *step.TaskEffect
	// stop is when, in a world that is watched, the task was taken away from its worker, until
	// the order to stop it is sent.
	stop time.Duration
}

func newBooks(w *world) *books {
	return &books{
		w: w, standby: core.New(w.cfg), registered: map[ha.WorkerID]*registration{}, ever: map[ha.WorkerID]*registration{},
		outcomes: map[ha.Outcome]int{}, ledger: newLedger(), epochs: epochs{digests: map[uint64][]byte{}, refused: map[string]*refusedAppends{}},
	}
}

// enterEntry checks an entry at the moment at which it becomes part of the log.
func (b *books) enterEntry(e journal.Entry) {
	if err := b.checkWriter(e); err != nil {
		b.w.fail("log: %v", err)
		return
	}
	delete(b.refused, e.Node)
	b.history = append(b.history, committed{e, b.w.now})
	b.noteRules(e)
	rest, err := record.Open(e.Data)
	if err != nil {
		b.w.fail("commit: %v", err)
	}
	for len(rest) > 0 {
		var r record.Record
		if r, rest, err = record.Decode(rest); err != nil {
			b.w.fail("commit: %v", err)
			return
		}
		if b.w.tracing {
			b.w.say("committed %s", shownRecord(r))
		}
		if elected, ok := r.(*record.Elected); ok && uint64(elected.Epoch) != e.Epoch {
			b.w.fail("epoch %d begins in an entry of epoch %d", elected.Epoch, e.Epoch)
		}
		if err := b.enter(r); err != nil {
			b.w.fail("commit %s: %v", shownRecord(r), err)
			return
		}
		if err := b.standby.Apply(r); err != nil {
			b.w.fail("the standby refuses %s: %v", shownRecord(r), err)
			return
		}
	}
	if b.w.compared(e.Seq) {
		b.digests[e.Seq] = b.standby.Digest(nil)
	}
	if len(e.Data) == 0 {
		return
	}
	if err := b.addUp(); err != nil {
		b.w.fail("%v", err)
	}
}

// noteRules takes note of the settings of whoever wrote e.
func (b *books) noteRules(e journal.Entry) {
	for _, d := range b.w.dispatchers {
		if d.name != e.Node {
			continue
		}
		if b.rules != nil && !reflect.DeepEqual(*b.rules, d.cfg) {
			b.w.nemesis.tally.Ruled++
		}
		b.rules = &d.cfg
	}
}

// enter checks one record against all before it.
func (b *books) enter(r record.Record) error {
	switch r := r.(type) {
	case *record.Elected:
		if r.Epoch <= b.epoch {
			return fmt.Errorf("epoch %d was before", b.epoch)
		}
		b.epoch = r.Epoch
	case *record.ClockSet:
		return b.enterClock(r)
	case *record.FormatSet:
		return nil
	case *record.Registered:
		return b.enterRegistered(r)
	case *record.Removed:
		return b.enterRemoved(r)
	case *record.Activated:
		return b.enterActivated(r)
	case *record.Ended:
		return b.enterEnded(r)
	}
	return b.enterTask(r)
}

func (b *books) enterRegistered(r *record.Registered) error {
	if b.ever[r.Worker] != nil {
		return fmt.Errorf("the id was given before")
	}
	for id, other := range b.registered {
		if r.Instance != "" && other.Instance == r.Instance {
			return fmt.Errorf("its instance is registered as %s", id)
		}
	}
	reg := &registration{Registered: *r, owner: b.w.workerNamed(r.Name), running: map[uint64]bool{}}
	b.ever[r.Worker], b.registered[r.Worker] = reg, reg
	b.joined++
	return nil
}

func (b *books) enterRemoved(r *record.Removed) error {
	reg := b.registered[r.Worker]
	if reg == nil {
		return fmt.Errorf("no such worker")
	}
	if r.Why == record.RemovedBye {
		b.left++
	} else {
		b.lost++
		if err := b.mayEvict(reg, r.Why); err != nil {
			return err
		}
	}
	for _, n := range slices.Sorted(maps.Keys(reg.running)) {
		if t := b.activations[n-1].task; t != nil && t.activation == n {
			return fmt.Errorf("it still runs task %s", t.id)
		}
		b.end(n, ha.OutcomeLost)
	}
	reg.removals++
	delete(b.registered, r.Worker)
	return nil
}

// mayEvict: whoever is removed for its silence has given up by itself, unless it
// was paused and could not. That is what the timing is chosen for. Who is removed
// as gone was declared so.
func (b *books) mayEvict(reg *registration, why record.RemovedWhy) error {
	if b.again {
		return nil // it was seen to then
	}
	if why == record.RemovedGone {
		if !b.w.tasks.gone[reg.Worker] {
			return fmt.Errorf("nobody said that it is gone")
		}
		return nil
	}
	o := reg.owner
	if o.s != nil && o.s.id == reg.Worker && o.s.bye == nil && o.ran(b.w.cfg.Timing.EvictAfter+20*time.Second) {
		return fmt.Errorf("%s would go on, and was not paused", o.name)
	}
	return nil
}

func (b *books) enterActivated(r *record.Activated) error {
	reg := b.registered[r.Worker]
	switch {
	case reg == nil:
		return fmt.Errorf("no such worker")
	case len(reg.Kinds) > 0:
		return fmt.Errorf("it takes no plain activations")
	}
	if _, err := b.activate(reg, r.Number); err != nil {
		return err
	}
	return b.pace(b.elapsed(r.At))
}

// activate gives a worker an activation.
func (b *books) activate(reg *registration, number uint64) (*activation, error) {
	switch {
	case len(reg.running) >= reg.Slots:
		return nil, fmt.Errorf("it runs %d in %d slots", len(reg.running), reg.Slots)
	case number != uint64(len(b.activations))+1:
		return nil, fmt.Errorf("the last was %d", len(b.activations))
	}
	g := &activation{worker: reg.Worker, epoch: b.epoch, at: b.w.now, running: true}
	b.activations = append(b.activations, g)
	g.begun = b.again && b.w.begunOnce[b.activationID(number)]
	reg.running[number] = true
	return g, nil
}

// pace: in one epoch there are never more activations than beats.
func (b *books) pace(at time.Time) error {
	every := b.rules.ActivateEvery
	if every == 0 {
		return nil
	}
	if b.paceEpoch != b.epoch {
		b.paceEpoch, b.paceFrom, b.paceCount = b.epoch, at, 0
	}
	b.paceCount++
	// The first may have come late for its beat, all others cannot come early.
	if beats := int(at.Sub(b.paceFrom)/every) + 2; b.paceCount > beats {
		return fmt.Errorf("it is number %d in %s, one every %s", b.paceCount, at.Sub(b.paceFrom), every)
	}
	return nil
}

func (b *books) enterEnded(r *record.Ended) error {
	reg := b.registered[r.Worker]
	if reg == nil || !reg.running[r.Number] {
		return fmt.Errorf("it does not run that")
	}
	g := b.activations[r.Number-1]
	if g.task != nil && g.task.activation == r.Number {
		return fmt.Errorf("it is the attempt in force of task %s", g.task.id)
	}
	if g.task != nil && r.Outcome != ha.OutcomeLost {
		b.w.nemesis.tally.Tasks.Late++
	}
	return b.endRun(reg, r.Number, r.Outcome)
}

// endRun takes an activation from a worker.
func (b *books) endRun(reg *registration, n uint64, outcome ha.Outcome) error {
	delete(reg.running, n)
	worked := outcome == ha.OutcomeDone || outcome == ha.OutcomeFailed
	if worked && !b.activations[n-1].begun && reg.owner.manners != simple {
		return fmt.Errorf("it counts as %s, and never began", outcome)
	}
	b.end(n, outcome)
	if b.w.now-reg.since > time.Second {
		reg.since, reg.rejected = b.w.now, 0
	}
	if outcome == ha.OutcomeRejected {
		reg.rejected++
	}
	if reg.rejected > 10*reg.Slots {
		return fmt.Errorf("it rejected %d activations within a second, and gets more", reg.rejected)
	}
	return nil
}

func (b *books) end(n uint64, o ha.Outcome) {
	b.activations[n-1].running = false
	b.activations[n-1].ends++
	b.ended++
	b.outcomes[o]++
}

// addUp compares the counters with what they count.
func (b *books) addUp() error {
	n := b.standby.Counts()
	running := uint64(0)
	for _, reg := range b.registered {
		running += uint64(len(reg.running))
	}
	ended := n.Done + n.Failed + n.Cancelled + n.TimedOut + n.Rejected + n.Losses
	registered := uint64(len(b.registered))
	switch {
	case n.Started != n.Running+ended || n.Started != uint64(len(b.activations)) || n.Running != running || ended != b.ended:
		return fmt.Errorf("counts do not add up: %+v; given %d, running %d, ended %d", n, len(b.activations), running, b.ended)
	case n.Joined != registered+n.Left+n.Lost || n.Joined != b.joined || n.Left != b.left || n.Lost != b.lost:
		return fmt.Errorf("counts do not add up: %+v; registered %d, joined %d, left %d, lost %d", n, registered, b.joined, b.left, b.lost)
	}
	return b.tasksAddUp()
}

// activationID is the id of the activation of that number.
func (b *books) activationID(n uint64) ha.ActivationID {
	return ha.ActivationID("a" + strconv.FormatUint(uint64(b.activations[n-1].epoch), 36) + "-" + strconv.FormatUint(n, 10))
}

// find returns the activation of that id; nil: none was ever committed.
func (b *books) find(id ha.ActivationID) *activation {
	epoch, number, _ := strings.Cut(strings.TrimPrefix(string(id), "a"), "-")
	e, err1 := strconv.ParseUint(epoch, 36, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	if err1 != nil || err2 != nil || n == 0 || n > uint64(len(b.activations)) || b.activations[n-1].epoch != ha.Epoch(e) {
		return nil
	}
	return b.activations[n-1]
}
