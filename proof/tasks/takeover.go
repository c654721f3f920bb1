package main

import (
	"context"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// leadGrace is how long a dispatcher that has just begun to lead, or reconnected,
	// waits before it takes a worker's silence for its end.
	leadGrace = 3 * time.Second
	// killWindow is the time within which a kill comes, at random: longer than any
	// interval of the dispatcher's.
	killWindow = time.Second
	// elsewhereWithin bounds the wait for the tasks of a killed worker: longer than the
	// bound, so that a missed one is measured.
	elsewhereWithin = 20 * time.Second
	// takeoverBound is what is promised.
	takeoverBound = 2 * time.Second
)

// measure kills workers one by one, while each has some tasks that run, and
// measures how long each of these takes to run elsewhere.
func (t *trial) measure(ctx context.Context) error {
	if t.takeovers == 0 {
		return nil
	}
	if err := pause.Sleep(ctx, time.Until(t.led.Add(leadGrace))); err != nil {
		return err
	}
	t.say("dispatchers and workers are up, and workers are killed one by one")
	slots := 0
	for _, s := range t.supervisors {
		slots += s.slots
	}
	var tasks []*planned
	for range slots / 3 {
		tasks = append(tasks, t.plan.add(held, t.Rand, time.Now()))
	}
	p := &producer{client: t.client, view: t.view, pace: 1}
	p.submitMany(ctx, tasks, false)
	t.view.submitted += len(tasks)
	for i := range t.takeovers {
		if err := t.takeOver(ctx, tasks); err != nil {
			return fmt.Errorf("kill %d of a worker: %w", i+1, err)
		}
	}
	for _, task := range tasks {
		p.cancel(ctx, task, 0)
	}
	t.Result.Below("tasks of a killed worker run elsewhere, median", t.Result.Times.Quantile(0.5), t.Within(takeoverBound))
	t.Result.Below("tasks of a killed worker run elsewhere, worst", t.Result.Times.Quantile(1), t.Within(takeoverBound))
	return nil
}

// takeOver kills one worker when all tasks run, and waits until they do again.
func (t *trial) takeOver(ctx context.Context, tasks []*planned) error {
	err := harness.Await(ctx, "tasks that run", wholeWithin, func() error { return t.allRun(tasks) })
	if err != nil {
		return err
	}
	if err := pause.Sleep(ctx, time.Duration(t.Rand.Int64N(int64(killWindow)))); err != nil {
		return err
	}
	var victim *workerProcess
	var orphans []*attempt
	for _, i := range t.Rand.Perm(len(t.supervisors)) {
		victim = t.supervisors[i].current()
		if orphans = t.book.running(victim); len(orphans) > 0 {
			break
		}
	}
	at, err := victim.kill()
	if err != nil {
		return err
	}
	err = harness.Await(ctx, "the tasks of "+victim.name+" elsewhere", elsewhereWithin, func() error {
		if err := t.book.refresh(); err != nil {
			return err
		}
		for _, a := range orphans {
			if _, begun := t.book.nextBegun(a); !begun {
				return fmt.Errorf("%s, whose activation was %s, does not run", a.task, a.activation)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	worst := time.Duration(0)
	for _, a := range orphans {
		next, _ := t.book.nextBegun(a)
		t.Result.Times = append(t.Result.Times, next.Sub(at))
		worst = max(worst, next.Sub(at))
	}
	t.say("%s killed, the last of its %d tasks ran elsewhere after %s", victim.name, len(orphans), worst.Round(time.Millisecond))
	return t.awaitWhole(ctx) // the next process takes part
}

// allRun returns nil if each of the tasks runs.
func (t *trial) allRun(tasks []*planned) error {
	if err := t.book.refresh(); err != nil {
		return err
	}
	running := map[ha.TaskID]bool{}
	for _, s := range t.supervisors {
		for _, a := range t.book.running(s.current()) {
			running[a.task] = true
		}
	}
	for _, task := range tasks {
		if !running[task.spec.ID] {
			return fmt.Errorf("%s does not run", task.spec.ID)
		}
	}
	return nil
}

// noteStorm says what happened in it, and how long tasks took to run elsewhere that a
// worker was at when it was killed.
func (t *trial) noteStorm(took time.Duration) {
	counts := map[string]int{}
	var times harness.Times
	_ = t.book.refresh() // what cannot be read is found when the ledgers are checked
	for _, s := range t.supervisors {
		s.mu.Lock()
		for what, n := range s.counts {
			counts[what] += n
		}
		lives := s.processes
		s.mu.Unlock()
		for _, l := range lives {
			at := l.killedAt()
			if at.Before(t.storm.since) { // or zero
				continue
			}
			for _, a := range t.book.running(l) {
				if next, begun := t.book.nextBegun(a); begun && next.After(at) {
					times = append(times, next.Sub(at))
				}
			}
		}
	}
	t.Result.Note("%d tasks in %s, while %d dispatchers were killed, and workers: %d killed, %d stopped, %d frozen, %d by poison",
		t.tasks, took.Round(time.Second), t.storm.kills, counts["killed"], counts["stopped"], counts["frozen"], counts["poisoned"])
	t.Result.Note("while dispatchers were killed too, tasks of killed workers ran elsewhere after: %s", spread(times))
}

// spread describes a sample.
func spread(t harness.Times) string {
	at := func(q float64) time.Duration { return t.Quantile(q).Round(time.Millisecond) }
	return fmt.Sprintf("%s (median), %s (95%%), %s (worst of %d)", at(0.5), at(0.95), at(1), len(t))
}
