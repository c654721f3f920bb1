package journal

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// This file is a simulated world: processes with clocks of their own, each
// driving a Member, around one log behind a network that delays, loses and cuts
// off. member_test.go says what must hold in it.

// switches turn off, one at a time, what the design rests on. The real code has
// no such thing: each is done to the world around the members.
type switches struct {
	noCompare bool // the log appends whatever entry the writer thought was last
	noNaming  bool // nobody can tell an append from another one, so a retry goes to the log's end
	noLease   bool // a leader acts whether its lease holds or not
	noSieve   bool // what a stranger wrote is followed like everything else
}

type event struct {
	at  time.Duration
	n   uint64
	run func()
}

type world struct {
	rng    *rand.Rand
	off    switches
	format int  // in which an empty log begins
	calm   bool // no more faults
	now    time.Duration
	queue  []event // by time, and then by n
	n      uint64

	log     []Entry
	named   map[string]uint64 // Entry.ID to sequence, as the log drops duplicates
	strange map[uint64]bool   // the entries that strangers wrote
	foreign int               // how many
	nodes   []*node

	acked map[string]bool // changes whose effect has left a leader
	acted uint64          // the highest epoch that has acted
	trace []string
	fault string // the first invariant that broke
}

// node is one process.
type node struct {
	w       *world
	name    string
	rate    float64 // of its clock
	life    int     // counts its starts; events of an earlier life are void
	alive   bool
	paused  time.Duration // until
	cut     time.Duration // from the log, until
	member  *Member
	state   []string // the changes applied, in order
	offered string   // the change in flight
	changes int
	held    []string
	op      uint64
	next    uint64 // entry to follow next
	wakes   uint64
}

func newWorld(seed uint64, nodes int, off switches) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), off: off, format: 1 + int(seed%2), named: map[string]uint64{}, strange: map[uint64]bool{}, acked: map[string]bool{}}
	for i := range nodes {
		w.nodes = append(w.nodes, &node{w: w, name: fmt.Sprintf("d%d", i+1), rate: 0.97 + 0.06*w.rng.Float64()})
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%9.3fs ", w.now.Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) broken(format string, args ...any) {
	if w.fault == "" {
		w.fault = fmt.Sprintf(format, args...)
		w.note("BROKEN: %s", w.fault)
	}
}

func (w *world) after(d time.Duration, run func()) {
	w.n++
	e := event{w.now + d, w.n, run}
	i, _ := slices.BinarySearchFunc(w.queue, e, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n))
	})
	w.queue = slices.Insert(w.queue, i, e)
}

// run lets the world go on until the time given, or until something broke.
func (w *world) run(until time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= until && w.fault == "" {
		e := w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		w.now = e.at
		e.run()
	}
	w.now = until
}

func (w *world) chance(p float64) bool { return !w.calm && w.rng.Float64() < p }

func (w *world) delay() time.Duration {
	switch {
	case w.chance(0.02):
		return time.Duration(w.rng.Int64N(int64(6 * time.Second)))
	case w.chance(0.1):
		return time.Duration(w.rng.Int64N(int64(400 * time.Millisecond)))
	}
	return time.Millisecond + time.Duration(w.rng.Int64N(int64(4*time.Millisecond)))
}

// append is the log's side of an append.
func (w *world) append(after uint64, e Entry, retry bool) (seq uint64, passed bool) {
	last := uint64(len(w.log))
	if !w.off.noNaming {
		if seq, ok := w.named[e.ID()]; ok {
			return seq, seq == after+1
		}
	}
	if w.off.noNaming && retry {
		after = last
	}
	if after != last && !w.off.noCompare {
		return 0, false
	}
	e.Seq = last + 1
	w.log = append(w.log, e)
	w.named[e.ID()] = e.Seq
	w.note("log %d: %s of %s, epoch %d number %d %s", e.Seq, kindName(e.Type), e.Node, e.Epoch, e.Number, e.Data)
	for _, n := range w.nodes {
		n.feed()
	}
	return e.Seq, true
}

func kindName(k EntryType) string {
	return map[EntryType]string{EntryRecords: "batch", EntryClaim: "claim", EntryHandover: "abdication"}[k]
}

// later runs f on the node after d, when it is not paused, in this life.
func (n *node) later(d time.Duration, f func()) {
	life := n.life
	n.w.after(d, func() {
		switch {
		case n.life != life || !n.alive:
		case n.w.now < n.paused:
			n.later(n.paused-n.w.now, f)
		default:
			f()
		}
	})
}

func (n *node) clock() time.Duration {
	return time.Duration(float64(n.w.now)*n.rate) + time.Duration(len(n.name))*time.Hour
}

func (n *node) start() {
	n.life++
	n.alive, n.next, n.state, n.held, n.offered = true, 1, nil, nil, ""
	n.paused, n.cut = 0, 0
	// Not all were given the same lease.
	lease := []time.Duration{time.Second, 700 * time.Millisecond, 1500 * time.Millisecond}[n.w.rng.IntN(3)]
	n.member = NewMember(MemberConfig{
		Node: n.name, Nonce: n.w.rng.Uint64(), Lease: lease,
		Jitter: time.Duration(n.w.rng.Int64N(int64(lease / 4))), Format: n.w.format,
		Clock: func(now time.Duration) Clock { return Clock{Elapsed: int64(now), Date: int64(n.w.now)} },
	}, n.clock())
	end := uint64(len(n.w.log))
	n.w.note("%s starts", n.name)
	n.later(n.w.delay(), func() { n.catchUp(end) })
	n.feed()
	n.work()
}

func (n *node) crash() {
	n.w.note("%s crashes", n.name)
	n.alive = false
	n.life++
	n.w.after(time.Duration(n.w.rng.Int64N(int64(3*time.Second))), n.start)
}

func (n *node) catchUp(end uint64) {
	if n.member.Position() < end {
		n.later(10*time.Millisecond, func() { n.catchUp(end) })
		return
	}
	n.act(n.member.CaughtUp(n.clock()))
}

func (n *node) isCut() bool { return n.w.now < n.cut }

// feed delivers the next entry of the log, a little later.
func (n *node) feed() {
	if !n.alive || n.next > uint64(len(n.w.log)) {
		return
	}
	e := n.w.log[n.next-1]
	n.next++
	n.deliver(e, n.w.delay()/4)
}

func (n *node) deliver(e Entry, d time.Duration) {
	n.later(d, func() {
		// In order: an entry that overtook another one waits for it.
		if n.isCut() || e.Seq > n.member.Position()+1 && n.member.Role() != RoleLeader {
			n.deliver(e, 20*time.Millisecond)
			return
		}
		apply, actions, err := n.member.Followed(n.clock(), e)
		if err != nil {
			n.w.broken("%s follows entry %d: %v", n.name, e.Seq, err)
			return
		}
		if n.w.off.noSieve && n.w.strange[e.Seq] && e.Type != EntryForeign {
			apply = true
		}
		if apply && len(e.Data) > 0 {
			n.state = append(n.state, string(e.Data))
		}
		n.act(actions)
		n.feed()
	})
}
