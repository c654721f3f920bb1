package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed261fe303/ha/subjects"
)

// startWithin bounds how long a fleet may take to be complete. A cluster that
// begins holds an election, which takes up to 10 s.
const startWithin = time.Minute

// flowing is how many activations show that they flow.
const flowing = 5

// Fleet is dispatchers with workers at work, under observation.
type Fleet struct {
	Lab      *Lab
	Group    *Group
	Ledger   *Ledger
	Observer *Observer

	clustered bool
	workers   []*Process
	raw       []*RawWorker
}

// NewFleet takes lab and group over and observes them. clustered says whether
// the group has servers embedded.
func NewFleet(lab *Lab, group *Group, clustered bool) (*Fleet, error) {
	f := &Fleet{Lab: lab, Group: group, Ledger: &Ledger{}, clustered: clustered}
	var err error
	f.Observer, err = Observe(group.Servers, f.Ledger)
	if err != nil {
		group.Close()
		return nil, errors.Join(err, lab.Close())
	}
	return f, nil
}

// Close ends all of it.
func (f *Fleet) Close() error {
	for _, w := range f.raw {
		w.Stop()
	}
	f.Observer.Close()
	err := f.Lab.Close()
	f.Group.Close()
	return err
}

// AddProcess starts a worker process whose work takes from least to most.
func (f *Fleet) AddProcess(name string, weight int, least, most time.Duration) error {
	p, err := f.Lab.Start(name, f.Ledger.FromLog(name), "worker", "--server", strings.Join(f.Group.Servers, ","),
		"--name", name, "--weight", fmt.Sprint(weight), "--work-min", least.String(), "--work-max", most.String())
	if err == nil {
		f.workers = append(f.workers, p)
	}
	return err
}

// AddRaw starts a [RawWorker].
func (f *Fleet) AddRaw(ctx context.Context, name string, weight int) error {
	w, err := StartRawWorker(ctx, f.Group.Servers, name, weight, f.Ledger)
	if err == nil {
		f.raw = append(f.raw, w)
	}
	return err
}

// Settle waits until every dispatcher leads or stands by and has read the journal
// up to now, every worker is registered, every server is up to date, and
// activations flow. It returns the status.
func (f *Fleet) Settle(ctx context.Context) (s subjects.Status, err error) {
	var position uint64
	err = Await(ctx, "a leader", startWithin, func() error {
		if err := f.Group.Ended(); err != nil {
			return err
		}
		s, err := f.Observer.Status(ctx)
		position = s.Journal.Position
		return err
	})
	if err != nil {
		return s, err
	}
	err = Await(ctx, "all dispatchers and workers", startWithin, func() error {
		if err := f.Group.Ended(); err != nil {
			return err
		}
		if s, err = f.Observer.Status(ctx); err != nil {
			return err
		}
		if want := len(f.workers) + len(f.raw); s.Workers.Registered != want {
			return fmt.Errorf("%d workers are registered, %d are wanted", s.Workers.Registered, want)
		}
		if err := f.Group.Complete(s, position); err != nil || !f.clustered {
			return err
		}
		return f.Observer.replicated(ctx, len(f.Group.Servers))
	})
	if err != nil {
		return s, err
	}
	begin := f.Ledger.Count()
	return s, Await(ctx, "activations", startWithin, func() error {
		if n := f.Ledger.Count() - begin; n < flowing {
			return fmt.Errorf("%d activations", n)
		}
		return nil
	})
}

// Roles tells what the dispatcher of that name and its server lead besides: "JetStream"
// and "the stream".
func (f *Fleet) Roles(ctx context.Context, name string) (meta, stream bool, err error) {
	if !f.clustered {
		return false, false, nil
	}
	server, err := f.Observer.ServerName(f.Group.Server(name))
	if err != nil {
		return false, false, err
	}
	r, err := f.Observer.Replicas(ctx)
	return f.Group.MetaLeader() == name, r.Leader == server, err
}

// Ended says of every worker process that has ended how it did.
func (f *Fleet) Ended() (ended []string) {
	for _, p := range f.workers {
		if err := p.Unexpected(); err != nil {
			ended = append(ended, err.Error())
		}
	}
	return ended
}

// JournalProblems reads the journal and audits it.
func (f *Fleet) JournalProblems(ctx context.Context) (entries []Entry, problems []string, err error) {
	nc, err := f.Observer.Conn()
	if err != nil {
		return nil, nil, err
	}
	limit, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	entries, err = ReadJournal(limit, nc)
	return entries, Audit(entries), err
}
