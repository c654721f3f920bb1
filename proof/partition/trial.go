package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

// cutWindow is the time within which a cut comes once all is well.
const cutWindow = time.Second

// trial is one scenario under way. It must not be used concurrently.
type trial struct {
	*harness.Trial
	options
	sort sort

	lab       *harness.Lab
	net       *network
	group     *harness.Group
	observers []*harness.Observer // one at each server
	ledger    harness.Ledger      // of the witnesses
	witnesses []*harness.RawWorker
	workers   [workers]*harness.Process
	load      *load
	forger    *forger // nil: no stranger
	obeyed    obeyed

	cuts  []cut
	ended []string // how workers ended that should not
}

// cut is what one cut came to.
type cut struct {
	leader       bool // of the dispatcher that led; else of another
	alive        int  // workers afterwards
	held, healed time.Duration
	agreed       time.Duration // from the heal until all agreed
	spread       [dispatchers]int
}

// play plays all cuts, and checks what must hold in the end.
func (t *trial) play(ctx context.Context) error {
	if err := t.deploy(ctx); err != nil {
		return err
	}
	for i := range t.options.cuts {
		if err := t.round(ctx, i%2 == 0); err != nil {
			return fmt.Errorf("cut %d: %w", i+1, err)
		}
	}
	return t.conclude(ctx)
}

// round is one cut of the leader, or of another.
func (t *trial) round(ctx context.Context, ofLeader bool) error {
	if err := t.settle(ctx); err != nil {
		return err
	}
	if err := pause.Sleep(ctx, time.Duration(t.Rand.Int64N(int64(cutWindow)))); err != nil {
		return err
	}
	status, err := t.observers[0].Status(ctx)
	if err != nil {
		return err
	}
	target, rest := choose(t.group.Names(), status.Leader.Name, ofLeader, t.Rand)
	about := t.about(ctx, target, status)
	at := time.Now()
	if err := t.through(ctx, t.sort.ways(target, rest)); err != nil {
		return err
	}
	healed := time.Now()
	if err := pause.Sleep(ctx, t.watch); err != nil {
		return err
	}
	c := cut{
		leader: ofLeader, held: t.ledger.LongestGap(at, healed).Length(), healed: t.ledger.LongestGap(healed, time.Now()).Length(),
	}
	if err := t.agree(ctx, status.Journal.Position); err != nil {
		return fmt.Errorf("after the cut of %s: %w", about, err)
	}
	c.agreed = time.Since(healed)
	for _, w := range t.workers {
		if err := w.Unexpected(); err == nil {
			c.alive++
		} else {
			last := strings.TrimSpace(w.Tail())
			t.ended = append(t.ended, fmt.Sprintf("%s, in the cut of %s: %s", w.Name, about, last[strings.LastIndexByte(last, '\n')+1:]))
		}
	}
	c.spread = t.spread()
	t.cuts = append(t.cuts, c)
	t.Result.Times = append(t.Result.Times, c.healed)
	t.Say("%2d  %s: %d of %d workers alive; longest pause %s while cut, %s after the heal; workers are on %v", len(t.cuts), about,
		c.alive, workers, c.held.Round(time.Millisecond), c.healed.Round(time.Millisecond), c.spread)
	return nil
}

// settle waits until all is well, with each worker on its server.
func (t *trial) settle(ctx context.Context) error {
	if err := t.agree(ctx, 1); err != nil {
		return err
	}
	if err := t.gather(ctx); err != nil {
		return err
	}
	return harness.Await(ctx, "all workers", settleWithin, func() error {
		s, err := t.observers[0].Status(ctx)
		if want := workers + len(t.witnesses); err == nil && s.Workers.Registered != want {
			return fmt.Errorf("%d workers are registered, %d are wanted", s.Workers.Registered, want)
		}
		return err
	})
}

// choose returns the dispatcher that is cut, and the others. Of the others the leader is first, if that is
// not the one.
func choose(names []string, leader string, ofLeader bool, rng *rand.Rand) (target string, rest [2]string) {
	others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == leader })
	rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	if ofLeader {
		return leader, [2]string{others[0], others[1]}
	}
	return others[0], [2]string{others[1], leader}
}

// about says what a dispatcher and its server lead.
func (t *trial) about(ctx context.Context, name string, status subjects.Status) string {
	what := name
	if status.Leader.Name == name {
		what += ", which leads"
	}
	o := t.observers[slices.Index(t.group.Names(), name)]
	server, err := o.ServerName(t.group.Server(name))
	if err != nil {
		return what
	}
	if r, err := o.Replicas(ctx); err == nil && r.Leader == server {
		what += ", whose server leads the stream"
	}
	if t.group.MetaLeader() == name {
		what += ", whose server leads JetStream"
	}
	return what
}

// through cuts those ways, holds that, and heals them, in any case.
func (t *trial) through(ctx context.Context, ways []way) (err error) {
	defer func() {
		heal := context.WithoutCancel(ctx)
		for _, w := range ways {
			err = errors.Join(err, t.net.pass(heal, w))
		}
	}()
	for _, w := range ways {
		if err := t.net.drop(ctx, w); err != nil {
			return err
		}
	}
	return pause.Sleep(ctx, t.hold)
}
