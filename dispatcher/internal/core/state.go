package core

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/share"
)

// Core is the state machine. See the package comment for how to drive it. It
// must not be used concurrently.
type Core struct {
	cfg Config

	// The recorded state, changed by Apply alone.
	epoch         ha.Epoch
	node          string
	lastActivated time.Time
	counts        Counts
	registrations uint64
	workers       map[ha.WorkerID]*worker
	instances     map[string]*worker
	order         []place   // by order of registration
	holes         int       // how many of order are empty
	groups        [2]group  // by worker.group
	loading       bool      // between the Begun and the Totals of a snapshot
	pending       []History // of the snapshot being loaded
	room          room
	passed        Passed // by Replay; soft
	t             tasks

	soft soft
}

// place is one place in the order of registrations; empty once its worker is removed.
type place struct {
	order uint64
	w     *worker
}

// The groups among which activations are shared.
const (
	plainGroup = 0 // workers that named no kinds: they take plain activations
	taskGroup  = 1
)

// group is the workers that share one kind of work.
type group struct {
	selector *share.Selector[*worker]
	// activations is the sum of the members' counts since registration.
	activations uint64
}

// worker is one registered worker.
type worker struct {
	Registered
	activations uint64
	running     []run    // oldest first, at most Slots
	recent      []recent // oldest first, at most recentKept
	member      *share.Member[*worker]
	section     *section // nil: it takes plain activations
	work        WorkCounts

	soft softWorker
}

// run is an activation in progress.
type run struct {
	Running
	task    *task // nil as long as Task is 0
	omitted int   // soft: heartbeats in a row that did not name it
}

// recent is a [Recent] in two thirds of its memory, of which every worker has
// dozens.
type recent struct {
	number uint64
	// mark is twice the epoch, and one more where the activation was lost. An epoch
	// is a count, or milliseconds of a clock, and never near 2^63.
	mark uint64
}

func (r Recent) packed() recent {
	p := recent{number: r.Number, mark: uint64(r.Epoch) << 1}
	if r.Lost {
		p.mark++
	}
	return p
}

func (p recent) unpacked() Recent {
	return Recent{Number: p.number, Epoch: ha.Epoch(p.mark >> 1), Lost: p.mark&1 == 1}
}

func (w *worker) group() int {
	if len(w.Kinds) > 0 {
		return taskGroup
	}
	return plainGroup
}

// recentKept is how many ended activations a worker is remembered for, so that
// a repeated available is known for what it is.
func (w *worker) recentKept() int { return max(16, 2*w.Slots) }

// New returns a Core that nobody has registered with.
func New(cfg Config) *Core {
	c := &Core{
		cfg:       cfg,
		workers:   make(map[ha.WorkerID]*worker),
		instances: make(map[string]*worker),
		t:         newTasks(),
	}
	c.resetGroups()
	return c
}

func (c *Core) resetGroups() {
	for i := range c.groups {
		c.groups[i] = group{selector: share.New[*worker](c.cfg.ShareWindow)}
	}
}

// join hands w to the selector of its group.
func (c *Core) join(w *worker) {
	selector := c.groups[w.group()].selector
	if w.group() == plainGroup {
		w.member = selector.Join(w, int64(w.Weight), w.Slots)
		return
	}
	w.section = c.sectionOf(w.Pools, w.Kinds)
	w.section.workers++
	w.member = selector.JoinSection(w.section.id, w, int64(w.Weight), w.Slots)
}

// Epoch returns the epoch of the leader whose records were applied last.
func (c *Core) Epoch() ha.Epoch { return c.epoch }

// Leader returns the name of that leader.
func (c *Core) Leader() string { return c.node }

// Apply changes the state as r says. An error means that r cannot follow the
// records before it: the journal is corrupt, and the state must not be used.
func (c *Core) Apply(r Record) error {
	switch r := r.(type) {
	case Elected:
		return c.applyElected(r)
	case Registered:
		return c.applyRegistered(r)
	case Removed:
		return c.applyRemoved(r)
	case Activated:
		return c.applyActivated(r)
	case Ended:
		return c.applyEnded(r)
	case Begun:
		return c.applyBegun(r)
	case Restored:
		return c.applyRestored(r)
	case History:
		return c.applyHistory(r)
	case Totals:
		return c.applyTotals(r)
	}
	return c.applyTask(r)
}

func (c *Core) applyElected(r Elected) error {
	if r.Epoch <= c.epoch {
		return fmt.Errorf("apply elected: epoch %d does not follow %d", r.Epoch, c.epoch)
	}
	c.epoch, c.node = r.Epoch, r.Node
	return nil
}

func (c *Core) applyRegistered(r Registered) error {
	if c.workers[r.Worker] != nil {
		return fmt.Errorf("apply registered: worker %s is registered already", r.Worker)
	}
	if !c.loading && r.Order != c.registrations+1 || r.Order > math.MaxInt64 {
		return fmt.Errorf("apply registered: order %d does not follow %d", r.Order, c.registrations)
	}
	c.registrations++
	c.counts.Joined++
	w := &worker{Registered: r}
	c.insert(w)
	if !c.loading { // otherwise the end of the snapshot does so, in order
		c.join(w)
	}
	return nil
}

// insert puts w in its place in the order of registrations, which is the end
// unless a snapshot is being loaded.
func (c *Core) insert(w *worker) {
	c.workers[w.Worker] = w
	if w.Instance != "" {
		c.instances[w.Instance] = w
	}
	c.order = append(c.order, place{w.Order, w})
}

func (c *Core) applyRemoved(r Removed) error {
	w, err := c.subject(r.Worker, "removed")
	if w == nil {
		return err
	}
	lost := uint64(len(w.running))
	c.counts.Running -= lost
	c.counts.Losses += lost
	if r.Why == RemovedBye {
		c.counts.Left++
	} else {
		c.counts.Lost++
	}
	g := &c.groups[w.group()]
	g.activations -= w.activations
	if w.member != nil {
		g.selector.Leave(w.member)
		c.leaveSection(w)
	}
	for _, a := range w.running {
		if a.task != nil {
			return fmt.Errorf("apply removed: worker %s still runs task %s", w.Worker, a.task.id)
		}
	}
	c.soft.forget(w)
	delete(c.workers, w.Worker)
	if c.instances[w.Instance] == w {
		delete(c.instances, w.Instance)
	}
	c.removeFromOrder(w)
	return nil
}

func (c *Core) removeFromOrder(w *worker) {
	if c.loading { // not sorted yet
		c.order = slices.DeleteFunc(c.order, func(p place) bool { return p.w == w })
		return
	}
	c.order[c.find(w.Order)].w = nil
	c.holes++
	if c.holes > 64 && c.holes > len(c.order)/2 {
		c.order = slices.DeleteFunc(c.order, func(p place) bool { return p.w == nil })
		c.holes = 0
	}
}

// find returns the index of the first place at or after n.
func (c *Core) find(n uint64) int {
	if len(c.order) > 0 && n >= c.order[0].order {
		// Where nobody has left, a worker is as far from the first as its number.
		if i := n - c.order[0].order; i < uint64(len(c.order)) && c.order[i].order == n {
			return int(i)
		}
	}
	i, _ := slices.BinarySearchFunc(c.order, n, func(p place, n uint64) int { return cmp.Compare(p.order, n) })
	return i
}

// after yields the workers registered after n, in that order.
func (c *Core) after(n uint64) iter.Seq[*worker] {
	return func(yield func(*worker) bool) {
		for i := c.find(n + 1); i < len(c.order); i++ {
			if w := c.order[i].w; w != nil && !yield(w) {
				return
			}
		}
	}
}

func (c *Core) applyActivated(r Activated) error {
	w, err := c.begin(r.Worker, r.Number, 0, "activated")
	if w == nil {
		return err
	}
	if w.group() == plainGroup {
		c.lastActivated = r.At
	}
	return nil
}

// begin gives a worker an activation.
func (c *Core) begin(id ha.WorkerID, number, task uint64, what string) (*worker, error) {
	w, err := c.subject(id, what)
	if w == nil {
		return nil, err
	}
	if len(w.running) >= w.Slots {
		return nil, fmt.Errorf("apply %s: worker %s has no free slot of %d", what, id, w.Slots)
	}
	if !c.loading && number != c.counts.Started+1 {
		return nil, fmt.Errorf("apply %s: number %d does not follow %d", what, number, c.counts.Started)
	}
	c.counts.Started++
	c.counts.Running++
	w.running = append(w.running, run{Running: Running{Number: number, Epoch: c.epoch, Task: task}})
	w.activations++
	g := &c.groups[w.group()]
	g.activations++
	if w.member != nil {
		g.selector.Start(w.member)
	}
	return w, nil
}

func (c *Core) applyEnded(r Ended) error {
	w, err := c.subject(r.Worker, "ended")
	if w == nil {
		return err
	}
	a, err := c.finishRun(w, r.Number, r.Outcome)
	if err == nil && a.Task != 0 && !c.loading {
		err = fmt.Errorf("apply ended: activation number %d is for a task", r.Number)
	}
	return err
}

// finishRun takes an activation from w.
func (c *Core) finishRun(w *worker, number uint64, outcome ha.Outcome) (Running, error) {
	i, found := slices.BinarySearchFunc(w.running, number, func(a run, n uint64) int { return cmp.Compare(a.Number, n) })
	if !found {
		return Running{}, fmt.Errorf("apply ended: worker %s does not run activation number %d", w.Worker, number)
	}
	a := w.running[i].Running
	// The oldest mostly end first: moving those before it, if they are fewer, leaves the
	// many slots of a wide worker alone.
	if i < len(w.running)/2 {
		copy(w.running[1:i+1], w.running[:i])
		w.running[0] = run{}
		w.running = w.running[1:]
	} else {
		w.running = slices.Delete(w.running, i, i+1)
	}
	if len(w.recent) == w.recentKept() {
		w.recent = w.recent[1:]
	}
	w.recent = append(w.recent, Recent{Number: a.Number, Epoch: a.Epoch, Lost: outcome == ha.OutcomeLost}.packed())
	c.counts.Running--
	*c.counts.of(outcome)++
	if w.member != nil {
		c.groups[w.group()].selector.Release(w.member)
		c.soft.stirred = true
	}
	return a, nil
}

// subject returns the worker a record is about. Neither worker nor error: the
// record comes before the worker's own Restored, which holds its effect.
func (c *Core) subject(id ha.WorkerID, what string) (*worker, error) {
	w := c.workers[id]
	if w == nil && !c.loading {
		return nil, fmt.Errorf("apply %s: worker %s is not registered", what, id)
	}
	return w, nil
}

func (c *Counts) of(o ha.Outcome) *uint64 {
	switch o {
	case ha.OutcomeDone:
		return &c.Done
	case ha.OutcomeFailed:
		return &c.Failed
	case ha.OutcomeCancelled:
		return &c.Cancelled
	case ha.OutcomeTimedOut:
		return &c.TimedOut
	case ha.OutcomeRejected:
		return &c.Rejected
	}
	return &c.Losses
}

// activationID names an activation: "a7-42" is the 42nd of the journal, made in
// epoch 7. The epoch is in base 36, since without a durable journal it is a time.
func activationID(a Running) ha.ActivationID {
	return ha.ActivationID("a" + strconv.FormatUint(uint64(a.Epoch), 36) + "-" + strconv.FormatUint(a.Number, 10))
}

// parseActivationID is the inverse of activationID; anything else is not ok.
func parseActivationID(id ha.ActivationID) (a Running, ok bool) {
	rest, isOurs := strings.CutPrefix(string(id), "a")
	epoch, number, both := strings.Cut(rest, "-")
	e, err1 := strconv.ParseUint(epoch, 36, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	a = Running{Number: n, Epoch: ha.Epoch(e)}
	return a, isOurs && both && err1 == nil && err2 == nil && activationID(a) == id
}
