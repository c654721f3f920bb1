package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed261fe303/ha/bench/internal/role"
)

// What rates are compared with; see the table's last column.
const (
	drainTimes  = 15
	bulkTimes   = 12
	singleTimes = 5
)

// rate notes how many tasks a second are so many in that time.
func (b *bench) rate(s *system, name string, times float64, tasks int, took time.Duration) {
	value := float64(tasks) / took.Seconds()
	b.say("%s, %s: %.0f tasks/s (%d in %.2f s)", name, s, value, tasks, took.Seconds())
	target := timesBetter(times)
	if s.suffix != "" {
		target = nil // what a target is for is in the rows without an addition
	}
	b.results.note(name+s.suffix, perSecond, s.column, value, target)
}

// drain measures from the moment a worker begins, with all tasks there, to the
// completion of the last.
func (b *bench) drain(ctx context.Context, s *system) error {
	return b.with(ctx, s, func(n *session) error {
		if _, err := n.submit(ctx, s.tasks); err != nil {
			return err
		}
		w, err := n.worker(ctx)
		if err != nil {
			return err
		}
		begun, err := w.call(ctx, b.o.step, role.Order{Do: role.DoStart})
		if err != nil {
			return err
		}
		ended, err := w.call(ctx, b.o.step, role.Order{Do: role.DoAwait, Tasks: s.tasks})
		if err != nil {
			return err
		}
		b.rate(s, "drain", drainTimes, s.tasks, time.Duration(ended.Ended-begun.Begun))
		return nil
	})
}

func (b *bench) bulk(ctx context.Context, s *system) error {
	return b.with(ctx, s, func(n *session) error {
		o := role.Order{Do: role.DoSubmit, Tasks: s.tasks, Batch: b.o.batch, Lanes: s.lanes}
		took, err := n.endToEnd(ctx, o)
		if err == nil {
			b.rate(s, "bulk", bulkTimes, o.Tasks, took)
		}
		return err
	})
}

func (b *bench) single(ctx context.Context, s *system) error {
	return b.with(ctx, s, func(n *session) error {
		o := role.Order{Do: role.DoSubmit, Tasks: s.singles, Batch: 1, Lanes: b.o.submitters}
		took, err := n.endToEnd(ctx, o)
		if err == nil {
			b.rate(s, "singles", singleTimes, o.Tasks, took)
		}
		return err
	})
}

// endToEnd measures from the first submission to the last completion, while a
// worker works.
func (n *session) endToEnd(ctx context.Context, o role.Order) (time.Duration, error) {
	w, err := n.worker(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoStart}); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ended role.Answer
	failed := make(chan error, 1)
	go func() {
		var err error
		ended, err = w.call(ctx, n.b.o.step, role.Order{Do: role.DoAwait, Tasks: o.Tasks})
		failed <- err
	}()
	submitted, err := n.producer.call(ctx, n.b.o.step, o)
	if err != nil {
		cancel() // nobody completes what was not submitted
	}
	if err := errors.Join(err, <-failed); err != nil {
		return 0, err
	}
	return time.Duration(ended.Ended - submitted.Begun), nil
}
