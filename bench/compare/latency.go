package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/bench/internal/role"
)

const (
	// roundTrips is how many plain NATS requests are measured, fsyncs how many writes.
	roundTrips, fsyncs = 5000, 300
	// latencyTrips is how many round trips a task may take to its handler, besides the
	// fsync of a system that does one.
	latencyTrips = 4
)

// latency measures an idle system and one at half load.
func (b *bench) latency(ctx context.Context, s *system) error {
	rate, err := b.singlesRate(ctx, s)
	if err != nil {
		return err
	}
	return b.with(ctx, s, func(n *session) error {
		var target *target
		if s.column == columnHA {
			if target, err = b.yardstick(ctx, n); err != nil {
				return err
			}
		}
		idle, err := n.idle(ctx)
		if err != nil {
			return err
		}
		loaded, err := n.loaded(ctx, rate/2)
		if err != nil {
			return err
		}
		b.say("latency, %s: idle median %s, p99 %s (%d tasks); half load (%.0f tasks/s) median %s, p99 %s (%d tasks)",
			s, idle.Median, idle.P99, idle.Count, rate/2, loaded.Median, loaded.P99, loaded.Count)
		b.results.note("latency idle, median"+s.suffix, micros, s.column, us(idle.Median), target)
		b.results.note("latency idle, p99"+s.suffix, micros, s.column, us(idle.P99), nil)
		b.results.note("latency at half load, p99"+s.suffix, micros, s.column, us(loaded.P99), nil)
		return nil
	})
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// singlesRate is the one that was measured before, or measured now where none was.
func (b *bench) singlesRate(ctx context.Context, s *system) (float64, error) {
	// A journal in memory is given the load of one on the disk: what it could take at
	// most was not asked.
	suffix := s.suffix
	if !s.synced && s.column == columnHA {
		suffix = ""
	}
	if rate, ok := b.results.median("singles"+suffix, s.column); ok {
		return rate, nil
	}
	var rate float64
	err := b.with(ctx, s, func(n *session) error {
		o := role.Order{Do: role.DoSubmit, Tasks: max(1000, s.singles/4), Batch: 1, Lanes: b.o.submitters}
		took, err := n.endToEnd(ctx, o)
		rate = float64(o.Tasks) / took.Seconds()
		return err
	})
	return rate, err
}

// yardstick measures plain NATS and the disk, and returns what follows for an idle ha.
func (b *bench) yardstick(ctx context.Context, n *session) (*target, error) {
	echo, err := b.spawn(ctx, n.config(role.Echo))
	if err != nil {
		return nil, err
	}
	trip, err := n.producer.call(ctx, b.o.step, role.Order{Do: role.DoRoundTrip, Tasks: roundTrips})
	if err != nil {
		return nil, err
	}
	if err := echo.close(); err != nil {
		return nil, err
	}
	fsync, err := lab.Fsync(b.lab.Dir, fsyncs)
	if err != nil {
		return nil, err
	}
	b.say("plain NATS request, %s: median %s, p99 %s; fsync: median %s", n.s, trip.Latency.Median, trip.Latency.P99, fsync)
	b.results.note("NATS request and answer, median"+n.s.suffix, micros, columnHA, us(trip.Latency.Median), nil)
	if n.s.suffix == "" {
		b.results.note("fsync of 4 KiB, median", micros, columnHA, us(fsync), nil)
	}
	switch {
	case n.s.suffix != "" && n.s.synced:
		return nil, nil // three replicas have no target of their own
	case n.s.synced:
		allowed := latencyTrips*us(trip.Latency.Median) + us(fsync)
		return atMost(allowed, fmt.Sprintf("≤ %d NATS requests + 1 fsync", latencyTrips)), nil
	}
	return atMost(latencyTrips*us(trip.Latency.Median), fmt.Sprintf("≤ %d NATS requests", latencyTrips)), nil
}

// idle submits one task at a time.
func (n *session) idle(ctx context.Context) (*role.Latency, error) {
	w, err := n.worker(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoStart, Stamp: true, Every: 1}); err != nil {
		return nil, err
	}
	o := role.Order{Do: role.DoPing, Tasks: n.b.o.pings, Seconds: n.b.o.pingTime.Seconds()}
	answer, err := n.producer.call(ctx, n.b.o.step, o)
	if err != nil {
		return nil, err
	}
	if answer.Latency == nil {
		return nil, fmt.Errorf("no task was handled in %s", n.b.o.pingTime)
	}
	return answer.Latency, w.close()
}

// loaded submits so many tasks a second, one a request.
func (n *session) loaded(ctx context.Context, rate float64) (*role.Latency, error) {
	w, err := n.worker(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoStart, Stamp: true}); err != nil {
		return nil, err
	}
	o := role.Order{Do: role.DoPace, Rate: rate, Seconds: n.b.o.paceTime.Seconds(), Lanes: n.b.o.submitters}
	answer, err := n.producer.call(ctx, n.b.o.step, o)
	if err != nil {
		return nil, err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoAwait, Tasks: int(answer.Tasks)}); err != nil {
		return nil, err
	}
	report, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoReport})
	if err != nil {
		return nil, err
	}
	if report.Latency == nil {
		return nil, fmt.Errorf("no task was handled in %s", n.b.o.paceTime)
	}
	return report.Latency, nil
}
