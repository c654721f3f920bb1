package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/bench/internal/role"
)

const (
	// leftOver is the part of the throughput that a great backlog must leave.
	leftOver = 0.8
	// drainPart of the backlog is drained, so that most of it is there to the end.
	drainPart = 5
	// steadyBatch is small against the few tasks that are pending, and steadyLanes
	// enough that no submission waits for another one.
	steadyBatch, steadyLanes = 100, 16
)

// rates are how fast ha works beside a backlog: while it is drained of so many
// tasks, and while as many are submitted as are worked.
type rates struct{ drain, steady float64 }

// light measures without a backlog worth the name.
func (b *bench) light(ctx context.Context) (r rates, err error) {
	s := b.ha("", true, 1)
	err = b.with(ctx, s, func(n *session) error {
		if _, err := n.submit(ctx, b.part()); err != nil {
			return err
		}
		if r.drain, err = n.drainPart(ctx); err != nil {
			return err
		}
		// Besides the pending tasks there are those that run.
		if _, err := n.submit(ctx, b.o.few+s.settings.Slots); err != nil {
			return err
		}
		r.steady, err = n.steady(ctx)
		return err
	})
	return r, err
}

// heavy measures with the backlog, which the session has, and notes both.
func (n *session) heavy(ctx context.Context, light rates) error {
	b := n.b
	fresh, err := b.attach(ctx, n.s, n.instance)
	if err != nil {
		return err
	}
	var r rates
	if r.drain, err = fresh.drainPart(ctx); err == nil {
		_, err = fresh.submit(ctx, b.part())
	}
	if err == nil {
		r.steady, err = fresh.steady(ctx)
	}
	if err := errors.Join(err, fresh.leave()); err != nil {
		return err
	}
	part := grouped(float64(b.part()))
	b.noteHA(fmt.Sprintf("drain of %s, nothing else pending", part), perSecond, light.drain, nil)
	b.noteMany("drain of "+part, perSecond, r.drain, nil)
	b.noteMany("of that drain is left", "", r.drain/light.drain, atLeast(leftOver))
	b.noteHA(fmt.Sprintf("submitting and working, %s pending", grouped(float64(b.o.few))), perSecond, light.steady, nil)
	b.noteMany("submitting and working", perSecond, r.steady, nil)
	b.noteMany("of that throughput is left", "", r.steady/light.steady, atLeast(leftOver))
	return nil
}

func (b *bench) part() int { return max(1, b.o.pending/drainPart) }

// drainPart drains a part of the tasks.
func (n *session) drainPart(ctx context.Context) (float64, error) {
	w, err := n.worker(ctx)
	if err != nil {
		return 0, err
	}
	begun, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoStart})
	if err != nil {
		return 0, err
	}
	ended, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoAwait, Tasks: n.b.part()})
	if err != nil {
		return 0, err
	}
	return float64(ended.Tasks) / time.Duration(ended.Ended-begun.Begun).Seconds(), w.close()
}

// steady works and submits at the same time, so that as many stay pending.
func (n *session) steady(ctx context.Context) (float64, error) {
	w, err := n.worker(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoStart, Every: steadyBatch}); err != nil {
		return 0, err
	}
	o := role.Order{Do: role.DoSteady, Batch: steadyBatch, Lanes: steadyLanes, Seconds: n.b.o.steadyTime.Seconds()}
	answer, err := n.producer.call(ctx, n.b.o.step, o)
	if err != nil {
		return 0, err
	}
	return float64(answer.Tasks) / answer.Took().Seconds(), nil
}
