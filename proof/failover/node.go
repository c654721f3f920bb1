package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// steers is how often the leadership is handed on in search of the node that
	// leads JetStream. Each time it goes to it with probability one half.
	steers = 12
	// moveWithin bounds the hand-over of the stream, which may become an election.
	moveWithin = 20 * time.Second
)

func killNode(ctx context.Context, t *trial) (err error) {
	defer func() { err = errors.Join(err, t.tearDown()) }()
	err = t.setUp(ctx, true, func(lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartCluster(ctx, lab, dispatchers, args...)
	})
	if err != nil {
		return err
	}
	everything := 0
	for range t.nodeKills {
		meta, stream, err := t.gatherLeaders(ctx)
		if err != nil {
			return err
		}
		if meta && stream {
			everything++
		}
		t.Say("the leader's server leads JetStream: %v, the journal's stream: %v", meta, stream)
		if err := t.round(ctx, (*harness.Process).Kill); err != nil {
			return err
		}
		if _, err := t.fleet.Settle(ctx); err != nil {
			return err
		}
	}
	t.Result.Below("worst", t.Result.Times.Quantile(1), t.Within(10*time.Second))
	t.Result.Note("%d of the %d nodes killed led the dispatchers, the journal's stream and JetStream itself", everything, t.nodeKills)
	if n := len(t.fleet.Observer.Behind()); n > 0 {
		t.Result.Note("%d orders or events reached an observer after one of a later epoch; workers refuse such orders", n)
	}
	return t.conclude(ctx)
}

// gatherLeaders makes the leader's node lead JetStream and the journal's
// stream as well, as far as that can be done from outside, and returns what it does
// lead. A move of the stream may itself cost the leader its lease.
func (t *trial) gatherLeaders(ctx context.Context) (meta, stream bool, err error) {
	for range steers {
		status, err := t.fleet.Settle(ctx)
		if err != nil {
			return false, false, err
		}
		leader := status.Leader.Name
		if meta, stream, err = t.fleet.Roles(ctx, leader); err != nil {
			return false, false, err
		}
		switch {
		case meta && stream:
			return meta, stream, nil
		case meta:
			err = t.moveStream(ctx, leader)
		default:
			err = t.moveLeader(ctx, leader)
		}
		if err != nil {
			return false, false, err
		}
	}
	return meta, stream, nil // the node is killed with what it leads
}

func (t *trial) moveStream(ctx context.Context, name string) error {
	server, err := t.fleet.Observer.ServerName(t.fleet.Group.Server(name))
	if err != nil {
		return err
	}
	return harness.Await(ctx, "the stream at "+name, moveWithin, func() error {
		r, err := t.fleet.Observer.Replicas(ctx)
		if err != nil || r.Leader == server {
			return err
		}
		return errors.Join(fmt.Errorf("it is at %q", r.Leader), t.fleet.Observer.MoveStream(ctx, server))
	})
}

// moveLeader stops the leader of that name in order, and starts it again.
func (t *trial) moveLeader(ctx context.Context, name string) error {
	p := t.fleet.Group.Process(name)
	if err := p.Terminate(); err != nil {
		return err
	}
	if err := p.Await(ctx, endWithin); err != nil {
		return err
	}
	return t.fleet.Group.Start(name)
}
