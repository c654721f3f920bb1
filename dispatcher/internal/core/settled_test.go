package core

import "testing"

// checkSettled verifies that a leader left nothing undone that it could have done.
func checkSettled(t testing.TB, c *Core) {
	t.Helper()
	if c.soft.more {
		return
	}
	now := c.soft.nanos
	for _, h := range []*timers{&c.t.deadlines, &c.t.wakes} {
		if d := h.first(); d != nil && d.at <= now {
			t.Fatalf("task %s was due at %s, it is %s", d.t.id, moment(d.at), moment(now))
		}
	}
	if c.t.resolved.n > 0 {
		t.Fatalf("nothing is decided about %d tasks", c.t.resolved.n)
	}
	for _, k := range c.t.classList {
		if k.queue.n > 0 && k.kind.open() && k.pool.open() && k.kind.opens(now) == 0 {
			if m := c.groups[taskGroup].selector.PickAmong(k.sections); m != nil {
				t.Fatalf("%d tasks of kind %s wait while worker %s is idle", k.queue.n, k.kind.name, m.Value.Worker)
			}
		}
	}
	if wake := c.nextTaskWake(); wake > 0 && wake <= now {
		t.Fatalf("wants to wake at %s, and it is %s already", moment(wake), moment(now))
	}
}

// checkStarts verifies that what the last step started is within the limits. What
// ran before a limit was lowered may still be above it.
func checkStarts(t testing.TB, c *Core, records []Record) {
	t.Helper()
	for _, r := range records {
		started, ok := r.(TaskStarted)
		if !ok {
			continue
		}
		one := c.t.table.get(started.Task)
		for _, g := range []*gate{&one.class.kind.gate, &one.class.pool.gate} {
			if g.paused || g.limit > 0 && g.running > g.limit {
				t.Fatalf("task %s is started: %d run of %s, whose limit is %d, paused %t", one.id, g.running, g.name, g.limit, g.paused)
			}
		}
		if one.more == nil || one.more.key == nil {
			continue
		}
		runs := 0
		for d := range c.t.deadlines.heap {
			if m := c.t.deadlines.heap[d].t.more; m != nil && m.key == one.more.key {
				runs++
			}
		}
		if most := c.most(one.more.key); most > 0 && runs > most {
			t.Fatalf("task %s is started: %d run of key %s, whose limit is %d", one.id, runs, one.more.key.name, most)
		}
	}
}

// kindsOf is for tests that look at one kind.
func kindsOf(c *Core, name string) KindView {
	for _, k := range c.TaskSummary().Kinds {
		if k.Name == name {
			return k
		}
	}
	return KindView{}
}
