package tasks

// link adds t to all that is derived from the tasks.
func (ts *Tasks) link(t *task) {
	if ts.common.Loading {
		return
	}
	ts.counts[t.state]++
	ts.bytes += t.weight()
	switch t.state {
	case pending:
		t.class.kind.pending++
		t.class.pool.pending++
		ts.enqueue(t)
	case running:
		t.class.kind.running++
		t.class.pool.running++
		if m := t.more; m != nil && m.key != nil && !t.admitted {
			t.admitted = true
			m.key.admitted++
		}
		ts.deadlines.add(t, t.deadline())
		return
	case completed, cancelled:
		ts.ended += t.weight()
		ts.good.push(t)
		if t.state == completed && !t.pulled {
			t.class.done.push(t)
		}
	case failed, timedOut:
		ts.ended += t.weight()
		ts.bad.push(t)
		t.class.kind.failed.push(t)
	}
	if at := t.dueAt(); at > 0 {
		ts.wakes.add(t, at)
	}
}

// unlink undoes link. It is called before anything of t changes.
func (ts *Tasks) unlink(t *task) {
	if ts.common.Loading {
		return
	}
	ts.counts[t.state]--
	ts.bytes -= t.weight()
	if t.timer != 0 {
		if t.state == running {
			ts.deadlines.remove(t)
		} else {
			ts.wakes.remove(t)
		}
	}
	if t.list != nil {
		t.leave()
	}
	switch t.state {
	case pending:
		t.class.kind.pending--
		t.class.pool.pending--
		ts.release(t)
	case running:
		t.class.kind.running--
		t.class.pool.running--
		ts.release(t)
		ts.common.MayAssign = true
	case completed, cancelled, failed, timedOut:
		ts.ended -= t.weight()
	}
}

// enqueue puts a pending task into the queue of its class or, if its
// concurrency key has no room for it, into that of the key.
func (ts *Tasks) enqueue(t *task) {
	ts.common.MayAssign = true
	if m := t.more; m != nil && m.key != nil {
		if !ts.keys.admits(m.key) {
			m.key.waiting.push(t)
			return
		}
		t.admitted = true
		m.key.admitted++
	}
	t.class.queue.push(t)
}

// release gives back what t took of its concurrency key.
func (ts *Tasks) release(t *task) {
	if !t.admitted {
		return
	}
	t.admitted = false
	t.more.key.admitted--
	ts.common.MayAssign = true
	ts.keys.admit(t.more.key)
}
