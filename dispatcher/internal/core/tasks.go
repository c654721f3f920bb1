package core

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
)

// rememberIDs is how many ids of forgotten tasks are remembered, so that a
// repeated submission of one is still known for what it is, and a task may still
// come after it.
const rememberIDs = 1 << 20

// receiptsKept is how many receipts of pulls are kept, the latest.
const receiptsKept = 1000

// tasks is the part of the state that is about tasks. What Apply derives from the
// tasks themselves (queues, timers, counts) is not recorded: link adds a task to it
// and unlink takes it out, and after a snapshot it is built anew from all of them.
type tasks struct {
	// Recorded.
	table       table
	submissions uint64
	turns       uint64
	batchCount  uint64
	since       int64
	keyLimit    int // of each concurrency key that has none of its own; 0: none
	kinds       map[string]*kind
	pools       map[string]*pool
	batches     map[string]*batch
	keys        map[string]*key
	receipts    map[string][]uint64
	receiptList []string // the oldest first
	remembered  map[idHash]memory
	memories    []idHash // the oldest first

	// Derived.
	ids       idIndex
	expected  map[ha.TaskID]*expectation
	unique    map[string]*task
	kindList  []*kind
	poolList  []*pool
	classes   map[className]*class
	classList []*class
	sections  []*section
	byNames   map[string]*section
	counts    [states]int
	bytes     int64 // about what all of them take; ended, of those that ended
	ended     int64
	deadlines timers // of those that run
	wakes     timers // of those that do not
	good, bad ends
	// resolved are waiting tasks about which something is to be decided: what they came
	// after has ended, one way or another.
	resolved list

	load       load // while a snapshot is loaded
	scratch    []byte
	spare      ha.TaskSpec   // see blank
	lastPolicy *retry.Policy // most tasks have the same one
}

// idHash stands for the id of a forgotten task: 128 bits, so that two of a million
// ids share one with a chance of 10^-27.
type idHash [16]byte

// hashOf multiplies the id, eight bytes at a time, into two words and folds the
// products (the mixing of wyhash, https://github.com/wangyi-fudan/wyhash, with two
// lanes). It is no cryptographic hash: who wants two ids to meet can make them, and
// harms nobody else's task by it.
func hashOf(id ha.TaskID) (h idHash) {
	a, b := uint64(0x2d358dccaa6c78a5)^uint64(len(id)), uint64(0x8bb84b93962eacc9)
	mix := func(x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		return hi ^ lo
	}
	for rest := id; len(rest) > 0; {
		var word [8]byte
		rest = rest[copy(word[:], rest):]
		x := binary.LittleEndian.Uint64(word[:])
		a, b = mix(x^a, 0xa0761d6478bd642f), mix(x^b, 0xe7037ed1a0b428db)
	}
	binary.LittleEndian.PutUint64(h[:8], mix(a, 0x8ebc6af09c88c6e3^b))
	binary.LittleEndian.PutUint64(h[8:], mix(b, 0x589965cc75374cc3^a))
	return h
}

type memory struct {
	mark  uint64
	state state
}

// rememberedID is one of them, in a record.
type rememberedID struct {
	hash  idHash
	mark  uint64
	state state
}

func newTasks() tasks {
	return tasks{
		kinds: map[string]*kind{}, pools: map[string]*pool{}, batches: map[string]*batch{}, keys: map[string]*key{},
		receipts: map[string][]uint64{}, remembered: map[idHash]memory{}, ids: newIDs(),
		expected: map[ha.TaskID]*expectation{}, unique: map[string]*task{}, classes: map[className]*class{}, byNames: map[string]*section{},
	}
}

// live returns how many tasks have not ended.
func (s *tasks) live() int {
	return s.counts[waiting] + s.counts[scheduled] + s.counts[pending] + s.counts[running]
}

// remember keeps the id of a task that is forgotten.
func (s *tasks) remember(id rememberedID) {
	if _, known := s.remembered[id.hash]; !known {
		s.memories = append(s.memories, id.hash)
	}
	s.remembered[id.hash] = memory{id.mark, id.state}
	for len(s.memories) > rememberIDs {
		delete(s.remembered, s.memories[0])
		s.memories = s.memories[1:]
	}
}

// recall returns how the forgotten task of that id ended, if that is remembered.
func (s *tasks) recall(id ha.TaskID) (memory, bool) {
	if len(s.remembered) == 0 {
		return memory{}, false
	}
	m, ok := s.remembered[hashOf(id)]
	return m, ok
}

// newTaskID names the task that is submitted next. A client may have chosen that
// name before, or named it as one to come; then it is made longer.
func (c *Core) newTaskID() ha.TaskID {
	id := "t" + strconv.FormatUint(uint64(c.epoch), 36) + "-" + strconv.FormatUint(c.t.submissions+1, 10)
	for {
		_, remembered := c.t.recall(ha.TaskID(id))
		if c.t.byID(ha.TaskID(id)) == nil && c.t.expected[ha.TaskID(id)] == nil && !remembered {
			return ha.TaskID(id)
		}
		id += "x"
	}
}

// link adds t to all that is derived from the tasks.
func (c *Core) link(t *task) {
	if c.loading {
		return
	}
	s := &c.t
	s.counts[t.state]++
	s.bytes += t.weight()
	switch t.state {
	case pending:
		t.class.kind.pending++
		t.class.pool.pending++
		c.enqueue(t)
	case running:
		t.class.kind.running++
		t.class.pool.running++
		if m := t.more; m != nil && m.key != nil && !t.admitted {
			t.admitted = true
			m.key.admitted++
		}
		s.deadlines.add(t, t.deadline())
		return
	case completed, cancelled:
		s.ended += t.weight()
		s.good.push(t)
		if t.state == completed && !t.pulled {
			t.class.done.push(t)
		}
	case failed, timedOut:
		s.ended += t.weight()
		s.bad.push(t)
		t.class.kind.failed.push(t)
	}
	if at := t.dueAt(); at > 0 {
		s.wakes.add(t, at)
	}
}

// unlink undoes link. It is called before anything of t changes.
func (c *Core) unlink(t *task) {
	if c.loading {
		return
	}
	s := &c.t
	s.counts[t.state]--
	s.bytes -= t.weight()
	if t.timer != 0 {
		if t.state == running {
			s.deadlines.remove(t)
		} else {
			s.wakes.remove(t)
		}
	}
	if t.list != nil {
		t.leave()
	}
	switch t.state {
	case pending:
		t.class.kind.pending--
		t.class.pool.pending--
		c.release(t)
	case running:
		t.class.kind.running--
		t.class.pool.running--
		c.release(t)
		c.soft.stirred = true
	case completed, cancelled, failed, timedOut:
		s.ended -= t.weight()
	}
}

// enqueue puts a pending task into the queue of its class or, where its
// concurrency key has no room for it, into that of the key.
func (c *Core) enqueue(t *task) {
	c.soft.stirred = true
	if m := t.more; m != nil && m.key != nil {
		if !c.admits(m.key) {
			m.key.waiting.push(t)
			return
		}
		t.admitted = true
		m.key.admitted++
	}
	t.class.queue.push(t)
}

// release gives back what t took of its concurrency key.
func (c *Core) release(t *task) {
	if !t.admitted {
		return
	}
	t.admitted = false
	t.more.key.admitted--
	c.soft.stirred = true
	c.admit(t.more.key)
}

// blank returns an empty spec to read a task into, which lasts until the next call.
func (s *tasks) blank() *ha.TaskSpec {
	s.spare = ha.TaskSpec{}
	return &s.spare
}
