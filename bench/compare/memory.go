package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/bench/internal/server"
)

const (
	// bytesPerTask is what a pending task may take, and recoverySeconds what it may take
	// until a dispatcher that was started answers.
	bytesPerTask    = 1024
	recoverySeconds = 5
	// settleWithin bounds the wait until a process has given back what it needs no more.
	settleWithin = 30 * time.Second
)

// memory measures ha with very many pending tasks.
func (b *bench) memory(ctx context.Context) error {
	light, err := b.light(ctx)
	if err != nil {
		return fmt.Errorf("memory: throughput with few pending tasks: %w", err)
	}
	h, err := server.NewHA(ctx, b.lab, b.binary, 1)
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	s := b.ha("", true, 1)
	s.start = func(ctx context.Context) (*server.Instance, error) { return h.Start(ctx, 0) }
	n, err := b.open(ctx, s)
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	base, err := n.load(ctx)
	if err == nil {
		err = n.recover(ctx, h, base)
	}
	if err == nil {
		err = n.heavy(ctx, light)
	}
	if err := errors.Join(err, n.close()); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return nil
}

func (b *bench) noteHA(name, unit string, value float64, t *target) {
	b.say("%s: %s %s", name, number(value), unit)
	b.results.note(name, unit, columnHA, value, t)
}

// noteMany notes what was measured with very many pending tasks.
func (b *bench) noteMany(name, unit string, value float64, t *target) {
	b.noteHA(fmt.Sprintf("%s, %s pending", name, grouped(float64(b.o.pending))), unit, value, t)
}

// load submits the tasks, and returns what the process took before.
func (n *session) load(ctx context.Context) (base int64, err error) {
	process := n.instance.Processes[0]
	if base, err = n.b.settled(ctx, process); err != nil {
		return 0, err
	}
	b, tasks := n.b, float64(n.b.o.pending)
	submitted, err := n.submit(ctx, b.o.pending)
	if err != nil {
		return 0, err
	}
	at, err := process.RSS()
	if err != nil {
		return 0, err
	}
	report, err := server.Stats(ctx, n.instance.URL)
	if err != nil {
		return 0, err
	}
	if got := report.Tasks[ha.TaskPending]; got != b.o.pending {
		return 0, fmt.Errorf("%d tasks are pending, of %d", got, b.o.pending)
	}
	after, err := n.b.settled(ctx, process)
	if err != nil {
		return 0, err
	}
	b.noteMany("submission without a worker", perSecond, tasks/submitted.Took().Seconds(), nil)
	b.noteMany("resident memory", "MiB", float64(after)/(1<<20), nil)
	b.noteMany("memory a task, right after submission", "B", float64(at-base)/tasks, nil)
	b.noteMany("memory a task", "B", float64(after-base)/tasks, atMost(bytesPerTask, ""))
	b.noteMany("memory a task, by its own count", "B", float64(report.Bytes)/tasks, nil)
	return base, nil
}

// settled waits until the memory of a process has not changed by a hundredth for a
// while, or the time is over: Go gives back freed memory little by little.
func (b *bench) settled(ctx context.Context, p *lab.Process) (int64, error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	began, since := time.Now(), time.Now()
	last, err := p.RSS()
	for err == nil {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-ticker.C:
		}
		var now int64
		if now, err = p.RSS(); err != nil {
			break
		}
		if diff := now - last; diff > last/100 || -diff > last/100 {
			last, since = now, time.Now()
		}
		if time.Since(since) > b.o.settle || time.Since(began) > settleWithin {
			return now, nil
		}
	}
	return 0, err
}

// recover restarts the dispatcher, once in order and once after it was killed.
func (n *session) recover(ctx context.Context, h *server.HA, base int64) error {
	if err := n.leave(); err != nil {
		return err
	}
	if err := n.instance.Stop(); err != nil {
		return err
	}
	b := n.b
	took, err := n.restart(ctx, h)
	if err != nil {
		return err
	}
	b.noteMany("recovery after a restart", "s", took.Seconds(), atMost(recoverySeconds, ""))
	after, err := b.settled(ctx, n.instance.Processes[0])
	if err != nil {
		return err
	}
	b.noteMany("memory a task after a restart", "B", float64(after-base)/float64(b.o.pending), nil)
	for _, p := range n.instance.Processes {
		if err := p.Kill(); err != nil {
			return err
		}
	}
	if took, err = n.restart(ctx, h); err != nil {
		return err
	}
	b.noteMany("recovery after a kill", "s", took.Seconds(), atMost(recoverySeconds, ""))
	return nil
}

// restart starts over what is stored, and returns how long it was until it answered.
func (n *session) restart(ctx context.Context, h *server.HA) (time.Duration, error) {
	began := time.Now()
	instance, err := h.Start(ctx, n.b.o.pending)
	if err != nil {
		return 0, err
	}
	n.instance = instance
	return time.Since(began), nil
}
