package core

import (
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
)

// Limits on how many different names the state holds. They are never forgotten
// while the journal lasts, so that averages and settings stay.
const (
	maxKinds   = 10_000
	maxPools   = 10_000
	maxClasses = 100_000
)

// gate is what lets tasks start, or not.
type gate struct {
	name    string
	paused  bool
	limit   int // that may run at once; 0: any number
	running int
	pending int
}

func (g *gate) open() bool { return !g.paused && (g.limit == 0 || g.running < g.limit) }

// pool is one pool of workers, as tasks name it.
type pool struct{ gate }

// kind is one kind of tasks.
type kind struct {
	gate
	// Of a rate: interval is the time a start uses up, 0: there is none; due is when
	// the next would be due if they came evenly; burst is how many may come early.
	// That is the token bucket in the form of the generic cell rate algorithm (ITU-T
	// I.371), which needs no refilling.
	interval int64
	burst    int64
	due      int64

	stats kindCounts
	// failed are the ends that a retry of the whole kind puts back, oldest first.
	failed ends
}

// kindCounts counts since the first task of the kind.
type kindCounts struct {
	Since                                           int64
	Completed, Failed, TimedOut, Cancelled, Retries uint64
	// Started counts starts, and Queued is the sum of the times before them;
	// Worked is that of the completed.
	Started, Queued, Worked uint64
}

// opens returns when the rate allows a start; 0: now.
func (k *kind) opens(now int64) int64 {
	if k.interval == 0 {
		return 0
	}
	if at := k.due - (k.burst-1)*k.interval; at > now && !k.stale(now) {
		return at
	}
	return 0
}

// stale tells whether due is further off than any number of starts can have put
// it: it is from a slower rate, or from a leader whose clock was ahead.
func (k *kind) stale(now int64) bool { return k.due > now+k.burst*k.interval }

func (k *kind) started(at int64) {
	if k.interval == 0 {
		return
	}
	if k.stale(at) {
		k.due = at
	}
	k.due = max(k.due, at) + k.interval
}

// class is the tasks of one kind in one pool: the same workers may run all of them.
type class struct {
	kind  *kind
	pool  *pool
	queue lanes
	// done are those with a result that nobody was handed, the oldest first.
	done list
	// sections are those of the selector whose workers may run them.
	sections []int
}

// section is the workers of the same pools and kinds.
type section struct {
	id      int // in the selector
	pools   []string
	kinds   []string
	workers int
}

// takes tells whether the workers of s run tasks of k.
func (s *section) takes(k *class) bool {
	return slices.Contains(s.pools, k.pool.name) && slices.Contains(s.kinds, k.kind.name)
}

// key is one concurrency key.
type key struct {
	name string
	// limit of its own; 0: that of all keys counts.
	limit    int
	tasks    int // that name it and have not ended
	admitted int // of them, those running or in the queue of their class
	waiting  lanes
}

// batch is a named group of tasks.
type batch struct {
	name       string
	closed     bool
	settled    bool // it was done once; a task of it that is put back changes nothing in that
	total      int
	ended      [states]int
	then       ha.TaskID
	dependents []*task
	order      uint64 // counts the batches of the journal from 1
	kept       int    // of its tasks, those that are not forgotten
	restored   bool   // while a snapshot is loaded: it is in there
}

func (b *batch) endedCount() int {
	n := 0
	for _, k := range b.ended {
		n += k
	}
	return n
}

func (b *batch) done() bool { return b.settled || b.closed && b.endedCount() == b.total }

func (b *batch) view() ha.TaskBatch {
	return ha.TaskBatch{
		Name: b.name, Closed: b.closed, Done: b.done(), Total: b.total, Ended: b.endedCount(),
		Completed: b.ended[completed], Failed: b.ended[failed], Cancelled: b.ended[cancelled], TimedOut: b.ended[timedOut], Then: b.then,
	}
}

// kindOf returns the kind of that name, which it makes where there is none.
func (c *Core) kindOf(name string, at int64) *kind {
	k := c.t.kinds[name]
	if k == nil {
		k = &kind{gate: gate{name: name}, stats: kindCounts{Since: at}}
		c.t.kinds[name] = k
		c.t.kindList = append(c.t.kindList, k)
	}
	return k
}

func (c *Core) poolOf(name string) *pool {
	p := c.t.pools[name]
	if p == nil {
		p = &pool{gate{name: name}}
		c.t.pools[name] = p
		c.t.poolList = append(c.t.poolList, p)
	}
	return p
}

type className struct{ kind, pool string }

func (c *Core) classOf(kind, pool string, at int64) *class {
	name := className{kind, pool}
	k := c.t.classes[name]
	if k == nil {
		k = &class{kind: c.kindOf(kind, at), pool: c.poolOf(pool)}
		for _, s := range c.t.sections {
			if s.takes(k) {
				k.sections = append(k.sections, s.id)
			}
		}
		c.t.classes[name] = k
		c.t.classList = append(c.t.classList, k)
	}
	return k
}

// roomFor tells why tasks of that kind and pool cannot be told from others any
// more; nil: they can.
func (c *Core) roomFor(kind, pool string) *ha.Error {
	if c.t.classes[className{kind, pool}] != nil {
		return nil
	}
	if err := c.roomForRule(kind, pool); err != nil {
		return err
	}
	if len(c.t.classList) >= maxClasses {
		return ha.Overloaded("too_many_names", "at most %d different pairs of kind and pool may be used", maxClasses)
	}
	return nil
}

// sectionOf returns the section of the workers with these pools and kinds, which
// it makes where there is none.
func (c *Core) sectionOf(pools, kinds []string) *section {
	name := strings.Join(pools, " ") + "\n" + strings.Join(kinds, " ")
	s := c.t.byNames[name]
	if s == nil {
		s = &section{id: c.groups[taskGroup].selector.NewSection(), pools: pools, kinds: kinds}
		c.t.byNames[name] = s
		c.t.sections = append(c.t.sections, s)
		for _, k := range c.t.classList {
			if s.takes(k) {
				k.sections = append(k.sections, s.id)
			}
		}
	}
	return s
}

// leaveSection takes a worker out of its section, and the section away with the last.
func (c *Core) leaveSection(w *worker) {
	s := w.section
	if s == nil {
		return
	}
	w.section = nil
	if s.workers--; s.workers > 0 {
		return
	}
	c.groups[taskGroup].selector.DropSection(s.id)
	delete(c.t.byNames, strings.Join(s.pools, " ")+"\n"+strings.Join(s.kinds, " "))
	c.t.sections = slices.DeleteFunc(c.t.sections, func(o *section) bool { return o == s })
	for _, k := range c.t.classList {
		k.sections = slices.DeleteFunc(k.sections, func(id int) bool { return id == s.id })
	}
}

// keyOf returns the concurrency key of that name, which it makes where there is none.
func (c *Core) keyOf(name string) *key {
	k := c.t.keys[name]
	if k == nil {
		k = &key{name: name}
		c.t.keys[name] = k
	}
	return k
}

// forgetKey lets go of a key that says nothing any more.
func (c *Core) forgetKey(k *key) {
	if k.tasks == 0 && k.limit == 0 {
		delete(c.t.keys, k.name)
	}
}

// most returns how many tasks of k may be admitted; 0: any number.
func (c *Core) most(k *key) int {
	if k.limit > 0 {
		return k.limit
	}
	return c.t.keyLimit
}

// admits tells whether one more task of k may be in the queue of its class, or run.
// Those that may not wait in a queue of the key's own, so that they hold up nobody.
func (c *Core) admits(k *key) bool {
	most := c.most(k)
	return most == 0 || k.admitted < most
}

// admit lets in whom k has room for.
func (c *Core) admit(k *key) {
	for k.waiting.n > 0 && c.admits(k) {
		t := k.waiting.head(int64(c.cfg.Aging))
		t.leave()
		t.admitted = true
		k.admitted++
		t.class.queue.put(t, true)
	}
}

// limitKeys makes the limits of these keys good for tasks that wait already: where
// one has become lower, the latest of its tasks leave the queues of their classes.
func (c *Core) limitKeys(keys ...*key) {
	queued := make(map[*key][]*task)
	for _, k := range keys {
		if most := c.most(k); most > 0 && k.admitted > most {
			queued[k] = nil
		}
	}
	for t := c.t.table.from(0); t != nil && len(queued) > 0; t = c.t.table.from(t.number + 1) {
		if t.state == pending && t.admitted {
			if list, ok := queued[t.more.key]; ok {
				queued[t.more.key] = append(list, t)
			}
		}
	}
	for _, k := range keys {
		c.withdraw(k, queued[k])
		c.admit(k)
	}
}

// withdraw takes the places of k above its limit from those queued, and puts them
// before those that wait for one.
func (c *Core) withdraw(k *key, queued []*task) {
	if len(queued) == 0 {
		return
	}
	slices.SortFunc(queued, byTurn)
	list := queued[max(0, len(queued)-(k.admitted-c.most(k))):]
	for _, t := range list {
		t.leave()
		t.admitted = false
		k.admitted--
	}
	for k.waiting.n > 0 {
		t := k.waiting.head(int64(c.cfg.Aging))
		t.leave()
		list = append(list, t)
	}
	for _, t := range list {
		k.waiting.push(t)
	}
}

// ends is a queue of tasks that ended, each with its turn: where the task has
// another turn by now, the entry is void.
type ends struct{ list []ending }

type ending struct{ number, turn uint64 }

func (e *ends) push(t *task) { e.list = append(e.list, ending{t.number, t.turn}) }

// first returns the oldest that is still so, dropping those before it.
func (e *ends) first(tasks *table) *task {
	for len(e.list) > 0 {
		if t := e.list[0].task(tasks); t != nil {
			return t
		}
		e.list = e.list[1:]
	}
	e.list = nil
	return nil
}

// task returns the task that ended so; nil: it is forgotten, or has gone on.
func (e ending) task(tasks *table) *task {
	if t := tasks.get(e.number); t != nil && t.turn == e.turn && t.state.final() {
		return t
	}
	return nil
}

// nanos returns t in nanoseconds since 1970; the zero time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// moment is the inverse of nanos.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
