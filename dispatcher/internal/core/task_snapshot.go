package core

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
)

// idsPiece is how many remembered ids one record holds.
const idsPiece = 4096

// restored is t as a snapshot holds it.
func (t *task) restored() TaskRestored {
	r := TaskRestored{
		TaskSubmitted: TaskSubmitted{At: moment(t.submitted), Number: t.number, Print: t.mark, Spec: t.spec()},
		State:         t.state, Reason: t.reason, Returned: t.returned, Pulled: t.pulled, Turn: t.turn,
		Attempt: int(t.attempt), Failures: int(t.failures), Lost: int(t.lost),
		Ready: moment(t.ready), Started: moment(t.started), Ended: moment(t.ended), Due: moment(t.due),
		Result: t.result, Error: t.err, Worker: t.worker, Activation: Running{Number: t.activation.Number, Epoch: t.activation.Epoch},
	}
	m := t.more
	if m == nil {
		return r
	}
	r.Carried, r.DoomedBy, r.Step = m.carried, m.doomedBy, m.step
	if m.batchOpen {
		r.BatchOpen = m.awaits
	}
	for i, open := range m.open {
		if open {
			r.Open = append(r.Open, uint64(i))
		}
	}
	for i := range m.steps {
		s := &m.steps[i]
		r.Steps = append(r.Steps, StepRestored{
			State: s.state, Worker: s.worker, Attempts: int(s.attempts), Duration: time.Duration(s.duration), Error: s.err,
		})
	}
	return r
}

// spec is t as it was submitted, with its defaults.
func (t *task) spec() *ha.TaskSpec {
	s := &ha.TaskSpec{
		ID: t.id, Kind: t.class.kind.name, Pool: t.class.pool.name, Payload: t.payload, Priority: int(t.priority),
		Timeout: ha.Milliseconds(time.Duration(t.timeout)), Retry: retryOf(t.policy),
	}
	m := t.more
	if m == nil {
		return s
	}
	s.After, s.AfterBatch = m.after, m.afterBatch
	if m.runAnyway {
		s.OnUpstreamFailure = ha.UpstreamRun
	}
	s.RunAt, s.ExpiresAt, s.UniqueKey = moment(m.runAt), moment(m.expires), m.unique
	if m.key != nil {
		s.ConcurrencyKey = m.key.name
	}
	if m.batch != nil {
		s.Batch = m.batch.name
	}
	s.Labels, s.Metadata = m.labels, m.metadata
	for i := range m.steps {
		p := &m.steps[i]
		one := ha.Step{Kind: p.kind, Timeout: ha.Milliseconds(time.Duration(p.timeout)), Partial: p.partial}
		if p.policy != nil {
			one.Retry = retryOf(p.policy)
		}
		s.Steps = append(s.Steps, one)
	}
	if len(m.steps) > 0 {
		s.Kind = m.steps[0].kind
	}
	return s
}

func retryOf(p *retry.Policy) *ha.Retry {
	return &ha.Retry{
		MaxAttempts: p.MaxAttempts, Backoff: ha.Milliseconds(p.Backoff), MaxBackoff: ha.Milliseconds(p.MaxBackoff),
		Factor: p.Factor, Jitter: p.Jitter, MaxLost: p.MaxLost,
	}
}

func (w *worker) workRestored() WorkRestored {
	r := WorkRestored{Worker: w.Worker, Work: w.work}
	for i, a := range w.running {
		if a.Task != 0 && r.Tasks == nil {
			r.Tasks = make([]uint64, len(w.running))
		}
		if a.Task != 0 {
			r.Tasks[i] = a.Task
		}
	}
	return r
}

// taskPieces yields what the tasks have in common. It is of one moment.
func (c *Core) taskPieces() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, name := range slices.Sorted(maps.Keys(c.t.kinds)) {
			k := c.t.kinds[name]
			if !yield(KindRestored{
				Name: name, Paused: k.paused, Limit: k.limit, Interval: time.Duration(k.interval), Burst: int(k.burst),
				Due: moment(k.due), Counts: k.stats,
			}) {
				return
			}
		}
		for _, name := range slices.Sorted(maps.Keys(c.t.pools)) {
			if p := c.t.pools[name]; !yield(PoolRestored{Name: name, Paused: p.paused, Limit: p.limit}) {
				return
			}
		}
		for _, b := range c.batchesInOrder() {
			if !yield(BatchRestored{
				Name: b.name, Closed: b.closed, Settled: b.settled, Total: b.total, Ended: b.ended, Then: b.then, Order: b.order,
			}) {
				return
			}
		}
		for piece := range slices.Chunk(c.t.memories, idsPiece) {
			r := IDsRestored{IDs: make([]rememberedID, 0, len(piece))}
			for _, h := range piece {
				m := c.t.remembered[h]
				r.IDs = append(r.IDs, rememberedID{h, m.mark, m.state})
			}
			if !yield(r) {
				return
			}
		}
		if totals := c.taskTotals(); totals.some() {
			yield(totals)
		}
	}
}

// some tells whether there ever was a task, or anything set about tasks. Where
// there was not, a snapshot says nothing of them.
func (r *TaskTotals) some() bool {
	return r.Submissions > 0 || r.KeyLimit > 0 || r.Batches > 0 || len(r.Keys) > 0
}

func (c *Core) taskTotals() TaskTotals {
	r := TaskTotals{
		Submissions: c.t.submissions, Turns: c.t.turns, Batches: c.t.batchCount, Since: moment(c.t.since), KeyLimit: c.t.keyLimit,
	}
	for _, k := range c.keysInOrder() {
		if k.limit > 0 {
			r.Keys = append(r.Keys, KeyLimit{k.name, k.limit})
		}
	}
	for _, name := range c.t.receiptList {
		r.Receipts = append(r.Receipts, Receipt{name, c.t.receipts[name]})
	}
	return r
}

func (c *Core) batchesInOrder() []*batch {
	list := slices.Collect(maps.Values(c.t.batches)) //ha:sorted in the next line
	slices.SortFunc(list, func(a, b *batch) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.name, b.name)) })
	return list
}

func (c *Core) keysInOrder() []*key {
	list := make([]*key, 0, len(c.t.keys))
	for _, name := range slices.Sorted(maps.Keys(c.t.keys)) {
		list = append(list, c.t.keys[name])
	}
	return list
}

// applyTaskSnapshot takes a piece of a snapshot. To a running state it says
// nothing new.
func (c *Core) applyTaskSnapshot(r Record) error {
	if r, ok := r.(TaskRestored); ok && !c.loading {
		if t := c.t.table.get(r.Number); t == nil || t.state != r.State || t.attempt != int32(r.Attempt) {
			return fmt.Errorf("apply task restored: the state has another task number %d", r.Number)
		}
		return nil
	}
	if !c.loading {
		return nil
	}
	switch r := r.(type) {
	case TaskRestored:
		return c.restoreTask(r)
	case WorkRestored:
		return c.restoreWork(r)
	case KindRestored:
		k := c.kindOf(r.Name, r.Counts.Since)
		k.paused, k.limit, k.interval, k.burst = r.Paused, r.Limit, int64(r.Interval), int64(r.Burst)
		k.due, k.stats = nanos(r.Due), r.Counts
	case PoolRestored:
		p := c.poolOf(r.Name)
		p.paused, p.limit = r.Paused, r.Limit
	case BatchRestored:
		b := c.batchOf(r.Name)
		b.closed, b.settled, b.total, b.ended = r.Closed, r.Settled, r.Total, r.Ended
		b.then, b.order, b.restored = r.Then, r.Order, true
	case IDsRestored:
		for _, id := range r.IDs {
			c.t.remember(id)
		}
	case TaskTotals:
		c.restoreTotals(r)
	default:
		return fmt.Errorf("apply %T: no such record", r)
	}
	return nil
}

func (c *Core) restoreTask(r TaskRestored) error {
	t := c.newTask(r.TaskSubmitted)
	switch {
	case r.Number == 0 || r.Number > math.MaxInt64 || c.t.table.get(r.Number) != nil || c.t.byID(t.id) != nil:
		return fmt.Errorf("apply task restored: task %s cannot have the number %d", t.id, r.Number)
	case r.State == waiting && t.more == nil || r.Step < 0 || r.Step > ha.MaxSteps:
		return fmt.Errorf("apply task restored: task %s cannot be %s at step %d", t.id, stateNames[r.State], r.Step)
	}
	t.state, t.reason, t.returned, t.pulled, t.turn = r.State, r.Reason, r.Returned, r.Pulled, r.Turn
	t.attempt, t.failures, t.lost = int32(r.Attempt), int32(r.Failures), int32(r.Lost)
	t.ready, t.started, t.ended, t.due = nanos(r.Ready), nanos(r.Started), nanos(r.Ended), nanos(r.Due)
	t.result, t.err, t.worker, t.activation = r.Result, r.Error, r.Worker, r.Activation
	if m := t.more; m != nil {
		m.carried, m.doomedBy, m.step = r.Carried, r.DoomedBy, r.Step
		m.batchOpen, m.awaits = r.BatchOpen > 0, r.BatchOpen
		if t.state == waiting {
			m.open = make([]bool, len(m.after))
		}
		for _, i := range r.Open {
			if i < uint64(len(m.open)) {
				m.open[i] = true
			}
		}
		for i, s := range r.Steps {
			if i < len(m.steps) {
				p := &m.steps[i]
				p.state, p.worker, p.attempts, p.duration, p.err = s.State, s.Worker, int32(s.Attempts), int64(s.Duration), s.Error
			}
		}
		if s := t.current(); s != nil {
			t.class = c.classOf(s.kind, t.class.pool.name, t.submitted)
		}
	}
	c.add(t)
	if t.state == waiting {
		c.t.load.piece(t)
	}
	return nil
}

// load keeps, while a snapshot is loaded, which came first: the piece of a waiting
// task, or that one which it came after was put back. A piece says what its task
// waits for at that moment. An end after it counts, even if the task that ended was
// put back since, and before its own piece was written.
type load struct {
	position uint64
	pieces   map[*task]uint64
	revivals map[uint64]uint64 // by number
}

func (l *load) piece(t *task) {
	if l.pieces == nil {
		l.pieces = make(map[*task]uint64)
	}
	l.position++
	l.pieces[t] = l.position
}

func (l *load) revived(number uint64) {
	if l.revivals == nil {
		l.revivals = make(map[uint64]uint64)
	}
	l.position++
	l.revivals[number] = l.position
}

// endedSince tells whether u, which t waited for when its piece was written, ended
// after that, and was put back.
func (l *load) endedSince(u, t *task) bool { return l.revivals[u.number] > l.pieces[t] }

func (c *Core) restoreWork(r WorkRestored) error {
	w := c.workers[r.Worker]
	if w == nil || len(r.Tasks) > 0 && len(r.Tasks) != len(w.running) {
		return fmt.Errorf("apply work restored: worker %s does not run %d activations", r.Worker, len(r.Tasks))
	}
	w.work = r.Work
	for i, n := range r.Tasks {
		w.running[i].Task = n
	}
	return nil
}

func (c *Core) restoreTotals(r TaskTotals) {
	c.t.submissions, c.t.turns, c.t.batchCount, c.t.since, c.t.keyLimit = r.Submissions, r.Turns, r.Batches, nanos(r.Since), r.KeyLimit
	for _, k := range r.Keys {
		c.keyOf(k.Key).limit = k.Limit
	}
	for _, p := range r.Receipts {
		c.keepReceipt(p)
	}
}

// rebuildTasks derives what is derived from the tasks, at the end of a snapshot.
func (c *Core) rebuildTasks() error {
	for _, b := range c.batchesInOrder() {
		if !b.restored { // it was forgotten while the snapshot was being written
			delete(c.t.batches, b.name)
		}
		b.restored = false
	}
	if err := c.rejoinRuns(); err != nil {
		return err
	}
	// In the order of their turns, which is that of the queues; tasks that wait have none.
	order := make([]*task, 0, c.t.table.n)
	for t := c.t.table.from(0); t != nil; t = c.t.table.from(t.number + 1) {
		order = append(order, t)
	}
	if !slices.IsSortedFunc(order, byTurn) {
		slices.SortFunc(order, byTurn)
	}
	for _, t := range order {
		if t.state == running { // before those that wait for a place in their key
			c.hold(t)
			c.link(t)
		}
	}
	for _, t := range order {
		if !t.state.final() && t.state != running {
			c.hold(t)
		}
		if t.more != nil && t.more.batch != nil {
			t.more.batch.kept++
		}
		if t.state != running {
			c.link(t)
		}
	}
	for t := c.t.table.from(0); t != nil; t = c.t.table.from(t.number + 1) {
		if t.state == waiting {
			if b := c.t.batches[t.more.afterBatch]; b == nil || b.order != t.more.awaits {
				t.more.batchOpen = false // done, and forgotten since its own piece was written
			}
			c.awaitOpen(t)
			c.resolve(t)
		}
	}
	for _, k := range c.keysInOrder() {
		c.forgetKey(k) // where all of its tasks have ended
	}
	c.t.load = load{}
	return nil
}

func byTurn(a, b *task) int {
	return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(a.number, b.number))
}

// rejoinRuns connects what workers run with the tasks that it is for.
func (c *Core) rejoinRuns() error {
	joined := 0
	for w := range c.after(0) {
		for i := range w.running {
			a := &w.running[i]
			if a.Task == 0 {
				continue
			}
			t := c.t.table.get(a.Task)
			if t == nil || t.state != running || t.activation.Number != a.Number {
				a.Task = 0 // it was taken away after the worker's piece and before its own
				continue
			}
			a.task = t
			joined++
		}
	}
	for t := c.t.table.from(0); t != nil; t = c.t.table.from(t.number + 1) {
		if t.state == running {
			joined--
		}
	}
	if joined != 0 {
		return fmt.Errorf("apply totals: tasks and workers differ by %d about what runs", joined)
	}
	return nil
}
