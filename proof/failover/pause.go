package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

// after is how many activations under the new leader are awaited after the old one
// woke and stands by again: about two seconds of them.
const after = 100

func pauseDispatcher(ctx context.Context, t *trial) (err error) {
	defer func() { err = errors.Join(err, t.tearDown()) }()
	if err := t.setUpApart(ctx, true); err != nil {
		return err
	}
	var f findings
	for range t.pauses {
		if err := t.pauseOnce(ctx, &f); err != nil {
			return err
		}
	}
	t.Result.Below("worst time to the next leader", t.Result.Times.Quantile(1), t.Within(3*time.Second))
	t.Result.None("journal entries of the old epoch after the new claim", f.entries)
	t.Result.None("activations, events and replies from it once it woke", f.spoken)
	t.Result.None("orders and events of an epoch that was over", t.fleet.Observer.Behind())
	t.Result.Equal("activations of the old epoch accepted once it woke", f.accepted, 0)
	t.Result.Note("once it woke it tried %d appends, which were refused, and told the others of itself as the leader %d times",
		f.attempts, f.claims)
	return t.conclude(ctx)
}

// findings are what leaders did after a pause.
type findings struct {
	entries, spoken            []string
	accepted, attempts, claims int
}

// pauseOnce freezes the leader, wakes it, and waits until it stands by again.
func (t *trial) pauseOnce(ctx context.Context, f *findings) error {
	if err := pause.Sleep(ctx, time.Duration(t.Rand.Int64N(int64(killWindow)))); err != nil {
		return err
	}
	status, err := t.fleet.Observer.Status(ctx)
	if err != nil {
		return err
	}
	leader, epoch := status.Leader.Name, uint64(status.Leader.Epoch)
	p := t.fleet.Group.Process(leader)
	paused := time.Now()
	if err := p.Pause(); err != nil {
		return err
	}
	first, err := t.succession(ctx, status, paused)
	if err != nil {
		return fmt.Errorf("%s paused: %w", leader, err)
	}
	t.Result.Times = append(t.Result.Times, first.At.Sub(paused))
	t.Say("%s paused in epoch %d; %s accepted one of epoch %d after %s", leader, epoch, first.Worker, first.Epoch,
		first.At.Sub(paused).Round(time.Millisecond))
	if err := pause.Sleep(ctx, time.Until(paused.Add(t.pause))); err != nil {
		return err
	}
	woke := time.Now()
	if err := p.Continue(); err != nil {
		return err
	}
	if _, err := t.fleet.Settle(ctx); err != nil {
		return fmt.Errorf("%s woke: %w", leader, err)
	}
	begin := t.fleet.Ledger.Count()
	err = harness.Await(ctx, "activations after the pause", takeOver, func() error {
		if n := t.fleet.Ledger.Count() - begin; n < after {
			return fmt.Errorf("%d of %d", n, after)
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.Say("%s woke after %s", leader, woke.Sub(paused).Round(time.Millisecond))
	return t.inspect(ctx, status, woke, f)
}

// inspect collects what the leader of status, asleep until woke, did afterwards.
func (t *trial) inspect(ctx context.Context, status subjects.Status, woke time.Time, f *findings) error {
	leader, epoch := status.Leader.Name, uint64(status.Leader.Epoch)
	sent, err := t.fleet.Group.Taps[leader].Since(woke)
	if err != nil {
		return err
	}
	for _, p := range sent {
		switch {
		case strings.HasPrefix(p.Subject, "ha.dispatcher."):
			if strings.Contains(string(p.Payload), `"role":"leader"`) {
				f.claims++
			}
		case strings.HasPrefix(p.Subject, "_HA."):
			f.attempts++
		case strings.HasPrefix(p.Subject, "$JS."): // it reads the journal
		default:
			f.spoken = append(f.spoken, fmt.Sprintf("%s %s after it woke: %s", p.Subject, p.At.Sub(woke).Round(time.Microsecond), p.Payload))
		}
	}
	f.accepted += t.fleet.Ledger.UpTo(epoch, woke)
	entries, _, err := t.fleet.JournalProblems(ctx)
	if err != nil {
		return err
	}
	over := false
	for _, e := range entries {
		over = over || e.Epoch > epoch
		if over && e.Epoch <= epoch {
			f.entries = append(f.entries, fmt.Sprintf("entry %d by %s, number %d", e.Seq, e.Node, e.Number))
		}
	}
	if !over {
		return fmt.Errorf("the journal holds no entry of a later epoch than %d, though activations came of one", epoch)
	}
	return nil
}
