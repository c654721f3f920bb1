package journal

import (
	"fmt"
	"slices"
	"time"
)

// The driver's side of a node: what package dispatcher does for a real member.

// request sends f to the log and answers with what it returned, unless the
// network loses the one or the other; then failed runs after a timeout.
func (n *node) request(f func() func(), failed func()) {
	n.op++
	op := n.op
	answered := false
	answer := func(g func()) {
		if !answered && op == n.op {
			answered = true
			g()
		}
	}
	n.later(2*time.Second, func() { answer(failed) })
	life, lost := n.life, n.isCut() || n.w.chance(0.03)
	n.w.after(n.w.delay(), func() {
		// What was sent arrives even if the sender has died meanwhile.
		if lost {
			return
		}
		done := f()
		if n.life == life && !n.isCut() && !n.w.chance(0.03) {
			n.later(n.w.delay(), func() { answer(done) })
		}
	})
}

func (n *node) act(actions []Action) {
	for _, a := range actions {
		switch a.Type {
		case DoAppend:
			n.append(a)
		case DoReadEnd:
			n.look(a)
		case Won:
			n.w.note("%s leads epoch %d", n.name, a.Entry.Epoch)
		case Committed:
			n.committed(a)
		case Lost:
			n.lost()
		}
	}
	n.wake()
}

func (n *node) append(a Action) {
	retry := n.offered != "" && n.w.named[a.Entry.ID()] > 0
	n.request(func() func() {
		_, passed := n.w.append(a.After, a.Entry, retry)
		return func() { n.act(n.member.AppendReturned(n.clock(), passed)) }
	}, func() { n.act(n.member.AppendReturned(n.clock(), false)) })
}

func (n *node) look(a Action) {
	n.request(func() func() {
		l := LogEnd{Last: uint64(len(n.w.log))}
		for _, e := range n.w.log[min(a.After, l.Last):] {
			if len(l.Next) < 3 { // so that a flood takes several looks
				l.Next = append(l.Next, e)
			}
		}
		if n.w.off.noNaming {
			l = LogEnd{Last: a.After}
		}
		return func() { n.act(n.member.EndRead(n.clock(), l)) }
	}, func() { n.act(n.member.EndRead(n.clock(), LogEnd{Failed: true})) })
}

func (n *node) committed(a Action) {
	if len(a.Entry.Data) > 0 {
		n.state = append(n.state, string(a.Entry.Data))
		n.held = append(n.held, string(a.Entry.Data))
		n.offered = ""
	}
	n.release()
}

// release lets what is committed leave the process, which the lease must allow.
func (n *node) release() {
	if len(n.held) == 0 || !n.w.off.noLease && !n.member.MayAct(n.clock()) {
		return
	}
	if n.member.Epoch() < n.w.acted {
		n.w.broken("%s acts in epoch %d after epoch %d has acted", n.name, n.member.Epoch(), n.w.acted)
	}
	n.w.acted = max(n.w.acted, n.member.Epoch())
	for _, change := range n.held {
		n.w.acked[change] = true
	}
	n.held = nil
}

func (n *node) lost() {
	if n.member.Role() != RoleDeposed {
		return
	}
	n.w.note("%s is deposed", n.name)
	life := n.life
	n.life++ // what is under way is void
	n.w.after(10*time.Millisecond, func() {
		if n.life == life+1 && n.alive {
			n.start()
		}
	})
}

// wake asks for the member's next tick.
func (n *node) wake() {
	at, ok := n.member.NextWake()
	if !ok {
		return
	}
	n.wakes++
	mine := n.wakes
	wait := time.Duration(float64(at-n.clock()) / n.rate)
	n.later(max(wait, 0)+time.Microsecond, func() {
		if mine == n.wakes {
			n.act(n.member.Tick(n.clock()))
		}
	})
}

// work is what the processes are for: a leader makes changes, and tells of them
// once they are committed. Even without a change it may have something to say.
func (n *node) work() {
	n.later(time.Duration(1+n.w.rng.IntN(60))*time.Millisecond, func() {
		if n.member.CanPropose() {
			n.changes++
			n.offered = fmt.Sprintf("%s-%d-%d", n.name, n.life, n.changes)
			n.act(n.member.Propose(n.clock(), []byte(n.offered)))
		}
		n.release()
		n.work()
	})
}

// strangers write into the log: what is no entry, copies of entries, entries of epochs that
// are over, of the epoch that is under another name, and of one that nobody has claimed. They
// come alone or many at once, and nobody but the writers asks for a place.
func (w *world) strangers() {
	n := 0
	switch w.rng.IntN(10) {
	case 0, 1, 2:
		n = 1
	case 3:
		n = 1 + w.rng.IntN(20)
	}
	for range n {
		e := Entry{Type: EntryForeign, Foreign: "not an entry"}
		if own := w.own(); len(own) > 0 {
			last, some := own[len(own)-1], own[w.rng.IntN(len(own))]
			switch w.rng.IntN(6) {
			case 0:
				e = some // a copy
			case 1:
				e = last
				e.Nonce++
				e.Number++
				e.Type, e.Data = EntryRecords, []byte("forged")
			case 2:
				e = some
				e.Epoch = last.Epoch - min(last.Epoch, 1+w.rng.Uint64N(3))
				if e.Epoch == last.Epoch {
					e = some
				}
			case 3:
				e = last
				e.Epoch += 1 + w.rng.Uint64N(3)
				e.Type, e.Number, e.Data = EntryRecords, 1+w.rng.Uint64N(3), []byte("forged")
			case 4:
				e = Entry{Type: EntryClaim, Format: last.Format, Epoch: last.Epoch + MaxEpochStep + 1 + w.rng.Uint64N(1<<20), Node: "stranger"}
			}
		}
		e.Seq = uint64(len(w.log)) + 1
		w.log = append(w.log, e)
		w.strange[e.Seq] = true
		w.foreign++
		w.note("log %d: a stranger writes %s, epoch %d number %d %s", e.Seq, kindName(e.Type), e.Epoch, e.Number, e.Data)
		for _, n := range w.nodes {
			n.feed()
		}
	}
}

// own are the entries that no stranger wrote.
func (w *world) own() (list []Entry) {
	for _, e := range w.log {
		if !w.strange[e.Seq] {
			list = append(list, e)
		}
	}
	return list
}

// trouble makes something go wrong every now and then.
func (w *world) trouble() {
	w.after(time.Duration(w.rng.Int64N(int64(2*time.Second))), func() {
		if w.calm {
			return
		}
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		long := time.Duration(w.rng.Int64N(int64(5 * time.Second)))
		w.strangers()
		switch w.rng.IntN(5) {
		case 0:
			if n.alive {
				n.crash()
			}
		case 1, 2:
			w.note("%s is stopped for %s", n.name, long)
			n.paused = w.now + long
		case 3:
			w.note("%s is cut off for %s", n.name, long)
			n.cut = w.now + long
		case 4:
			if n.alive && w.now >= n.paused && n.member.CanPropose() {
				w.note("%s abdicates", n.name)
				n.act(n.member.HandOver(n.clock()))
			}
		}
		w.trouble()
	})
}

// check holds the log and every node's state against each other.
func (w *world) check() {
	seen := map[string]bool{}
	writers := map[uint64]string{}
	var changes []string
	epoch := uint64(0)
	for _, e := range w.log {
		if w.strange[e.Seq] {
			continue
		}
		writer := fmt.Sprintf("%s/%x", e.Node, e.Nonce)
		if known, ok := writers[e.Epoch]; ok && known != writer {
			w.broken("epoch %d has entries of %s and of %s", e.Epoch, known, writer)
		}
		writers[e.Epoch] = writer
		if e.Epoch < epoch {
			w.broken("entry %d is of epoch %d, after epoch %d", e.Seq, e.Epoch, epoch)
		}
		epoch = e.Epoch
		if len(e.Data) == 0 {
			continue
		}
		if seen[string(e.Data)] {
			w.broken("change %s is in the log twice", e.Data)
		}
		seen[string(e.Data)] = true
		changes = append(changes, string(e.Data))
	}
	for change := range w.acked {
		if !seen[change] {
			w.broken("change %s was told of and is not in the log", change)
		}
	}
	for _, n := range w.nodes {
		if n.alive && (len(n.state) > len(changes) || !slices.Equal(n.state, changes[:len(n.state)])) {
			w.broken("%s holds another state than the log", n.name)
		}
	}
}
