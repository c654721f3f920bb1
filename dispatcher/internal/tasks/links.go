package tasks

// link adds t to all that is derived from the tasks.
func (ts *Tasks) link(t *task) {
	if ts.common.Loading {
		return
	}
	ts.counts[t.state]++
	ts.bytes += t.size()
	switch t.state {
	case pending:
		t.class.kind.pending++
		t.class.pool.pending++
		ts.enqueue(t)
	case running:
		t.class.kind.running++
		t.class.pool.running++
		if m := t.extras; m != nil && m.key != nil && !t.admitted {
			t.admitted = true
			m.key.admitted++
		}
		ts.deadlines.add(t, ts.elapsedOf(t.started)+t.runsFor())
		return
	case completed, cancelled:
		ts.endedBytes += t.size()
		ts.endedWell.push(t)
		if t.state == completed && !t.pulled {
			t.class.results.push(t)
			ts.catalog.resultsChanged(t.class)
		}
	case failed, timedOut:
		ts.endedBytes += t.size()
		ts.endedBadly.push(t)
		t.class.kind.failed.push(t)
	}
	switch at, dated := t.dueAt(); {
	case at == 0:
	case dated:
		t.dated = true
		ts.dates.add(t, at)
	default:
		ts.pauses.add(t, ts.elapsedOf(at))
	}
}

// elapsedOf returns the elapsed time at a date.
func (ts *Tasks) elapsedOf(date int64) int64 { return ts.common.Timeline.ElapsedOf(date) }

// unlink undoes link. It is called before anything of t changes.
func (ts *Tasks) unlink(t *task) {
	if ts.common.Loading {
		return
	}
	ts.counts[t.state]--
	ts.bytes -= t.size()
	if t.timer != 0 {
		switch {
		case t.state == running:
			ts.deadlines.remove(t)
		case t.dated:
			t.dated = false
			ts.dates.remove(t)
		default:
			ts.pauses.remove(t)
		}
	}
	ts.leaveList(t)
	switch t.state {
	case pending:
		t.class.kind.pending--
		t.class.pool.pending--
		if t.extras != nil && t.extras.key != nil {
			t.extras.key.dequeued(t)
		}
		ts.releaseAdmission(t)
	case running:
		t.class.kind.running--
		t.class.pool.running--
		ts.releaseAdmission(t)
		ts.giveWay(&t.class.kind.throttle)
		ts.giveWay(&t.class.pool.throttle)
	case completed, cancelled, failed, timedOut:
		ts.endedBytes -= t.size()
	}
}

// leaveList takes t out of the list that it is in, if it is in one.
func (ts *Tasks) leaveList(t *task) {
	if t.list == nil {
		return
	}
	result := t.list == &t.class.results
	t.leave()
	if result {
		ts.catalog.resultsChanged(t.class)
	}
}

// enqueue puts a pending task into the queue of its class or, if its
// concurrency key has no room for it, into that of the key.
func (ts *Tasks) enqueue(t *task) {
	if m := t.extras; m != nil && m.key != nil {
		if !ts.keys.admits(m.key) {
			m.key.waiting.push(t)
			return
		}
		t.admitted = true
		m.key.admitted++
		m.key.enqueued(t)
	}
	t.class.queue.push(t)
	ts.consider(t.class)
}

// releaseAdmission gives back what t took of its concurrency key.
func (ts *Tasks) releaseAdmission(t *task) {
	if !t.admitted {
		return
	}
	t.admitted = false
	t.extras.key.admitted--
	ts.keys.admit(t.extras.key)
}
