package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// takeOver bounds the wait for a new leader, endWithin that for the end of a process.
	takeOver  = 30 * time.Second
	endWithin = 15 * time.Second
	// startWithin bounds the wait until a dispatcher that was started follows the journal.
	startWithin = 30 * time.Second
	// endedWithin bounds the wait for the tasks that are open at the end.
	endedWithin = time.Minute
)

// trial is the scenario under way. It must not be used concurrently.
type trial struct {
	*harness.Trial
	lab      *harness.Lab
	group    *harness.Group
	observer *harness.Observer
	load     *load
	// next is the binary of the newer version; an empty one is of this version.
	next string
	// least is the smallest number of dispatchers that were ready beside the one that was
	// being replaced.
	least int
}

func (o *options) rolling(ctx context.Context, t *harness.Trial) (err error) {
	r := &trial{Trial: t, least: 3}
	defer func() { err = errors.Join(err, r.tearDown()) }()
	if err := r.setUp(ctx); err != nil {
		return err
	}
	submitting, stop := context.WithCancel(ctx)
	var submitted sync.WaitGroup
	submitted.Go(func() { r.load.submit(submitting, o.every) })
	err = r.roll(ctx)
	stop()
	submitted.Wait()
	if err != nil {
		return err
	}
	return r.conclude(ctx)
}

func (r *trial) setUp(ctx context.Context) (err error) {
	if r.lab, err = r.NewLab(ctx); err != nil {
		return err
	}
	if r.next, err = r.lab.Build(ctx, harness.NextFormat); err != nil {
		return err
	}
	if r.group, err = harness.StartApart(ctx, r.lab, 3, false); err != nil {
		return err
	}
	if r.observer, err = harness.Observe(r.group.Servers, new(harness.Ledger)); err != nil {
		return err
	}
	if err := r.whole(ctx); err != nil {
		return err
	}
	r.load, err = startLoad(ctx, r.group.Servers)
	return err
}

// tearDown ends what setUp started, however far that came.
func (r *trial) tearDown() error {
	var problems []error
	if r.load != nil {
		problems = append(problems, r.load.close())
	}
	if r.observer != nil {
		r.observer.Close()
	}
	if r.group != nil {
		r.group.Close()
	}
	if r.lab != nil {
		problems = append(problems, r.lab.Close())
	}
	return errors.Join(problems...)
}

// whole waits until one dispatcher leads and the others follow.
func (r *trial) whole(ctx context.Context) error {
	return harness.Await(ctx, "a group that is whole", r.Within(startWithin), func() error {
		return r.observer.Whole(ctx, r.group, 0)
	})
}

// roll does what those do who upgrade: forward, a step back, forward again, and the new
// format at the end.
func (r *trial) roll(ctx context.Context) error {
	const now = dispatcher.NewestFormat
	steps := []func() error{
		func() error { return r.replace(ctx, "d1", r.next) },
		func() error { return r.lead(ctx, "d1") }, // the newer version leads the older
		func() error { return r.checkFormat(ctx, now) },
		func() error { return r.refused(ctx, "d2", "d3") },
		func() error { return r.lead(ctx, "d2") }, // the older version leads the newer
		func() error { return r.replace(ctx, "d1", "") },
		func() error { return r.replace(ctx, "d1", r.next) },
		func() error { return r.replace(ctx, "d2", r.next) },
		func() error { return r.replace(ctx, "d3", r.next) },
		func() error { return r.checkFormat(ctx, now) },
		func() error {
			return r.upgrade(ctx, fmt.Sprintf("in format %d from now on, before it was %d", now+1, now))
		},
		func() error { return r.upgrade(ctx, fmt.Sprintf("format %d already", now+1)) },
		func() error { return r.checkFormat(ctx, now+1) },
		func() error { return r.tooOld(ctx, "d1") },
		func() error { return r.replace(ctx, "d1", r.next) },
		func() error { return r.kill(ctx) }, // who takes over reads the new format
		func() error { return r.verify(ctx) },
	}
	for _, step := range steps {
		before := r.load.count()
		if err := step(); err != nil {
			return err
		}
		// Work goes on after each step.
		err := harness.Await(ctx, "an acknowledged submission", r.Within(takeOver), func() error {
			if r.load.count() <= before {
				return errors.New("none came")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ready counts the dispatchers other than that one which lead or follow.
func (r *trial) ready(ctx context.Context, besides string) (n int, err error) {
	status, err := r.observer.Status(ctx)
	if err != nil {
		return 0, err
	}
	for _, d := range status.Dispatchers {
		if d.Name != besides && d.Trouble == "" && (d.Role == "leader" || d.Role == "standby") {
			n++
		}
	}
	return n, nil
}

// replace stops a dispatcher in order and starts it again from that binary.
func (r *trial) replace(ctx context.Context, name, binary string) error {
	n, err := r.ready(ctx, name)
	if err != nil {
		return err
	}
	r.least = min(r.least, n)
	p := r.group.Process(name)
	if p.Running() {
		if err := p.Terminate(); err != nil {
			return err
		}
		if err := p.Await(ctx, endWithin); err != nil {
			return err
		}
		if status := p.Status(); status != 0 {
			return fmt.Errorf("%s ended with status %d: %s", name, status, p.Tail())
		}
	}
	version := "this version"
	if binary != "" {
		version = "the newer version"
	}
	r.Say("%s is replaced by %s", name, version)
	r.group.SetBinary(name, binary)
	return r.startAgain(ctx, name)
}

// startAgain starts a dispatcher and waits until it says itself that it takes part: what
// its process before said may still be believed.
func (r *trial) startAgain(ctx context.Context, name string) error {
	nc, err := r.observer.Conn()
	if err != nil {
		return err
	}
	said, err := nc.SubscribeSync("ha.dispatcher." + name)
	if err != nil {
		return err
	}
	defer func() { _ = said.Unsubscribe() }() // fails only on a closed connection
	if err := r.group.Start(name); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, r.Within(startWithin))
	defer cancel()
	for {
		m, err := said.NextMsgWithContext(limited)
		if err != nil {
			return fmt.Errorf("%s does not take part: %w", name, err)
		}
		var d subjects.Dispatcher
		if err := json.Unmarshal(m.Data, &d); err != nil {
			return err
		}
		if d.Role == "leader" || d.Role == "standby" {
			return r.whole(ctx)
		}
	}
}

// lead makes that dispatcher lead: the leader is killed and started again, while the others
// are paused.
func (r *trial) lead(ctx context.Context, name string) error {
	status, err := r.observer.Status(ctx)
	if err != nil || status.Leader.Name == name {
		return err
	}
	var third *harness.Process
	for _, other := range r.group.Names() {
		if other != name && other != status.Leader.Name {
			third = r.group.Process(other)
		}
	}
	if err := third.Pause(); err != nil {
		return err
	}
	if err := errors.Join(r.replaceLeader(ctx, status), third.Continue()); err != nil {
		return err
	}
	return r.startAgain(ctx, status.Leader.Name)
}

// kill kills the leader, waits until another one leads, and starts it again.
func (r *trial) kill(ctx context.Context) error {
	status, err := r.observer.Status(ctx)
	if err != nil {
		return err
	}
	if err := r.replaceLeader(ctx, status); err != nil {
		return err
	}
	return r.startAgain(ctx, status.Leader.Name)
}

// replaceLeader kills the leader of that status and waits until another one leads.
func (r *trial) replaceLeader(ctx context.Context, status subjects.Status) error {
	name, at := status.Leader.Name, time.Now()
	if err := r.group.Process(name).Kill(); err != nil {
		return err
	}
	err := harness.Await(ctx, "another leader", r.Within(takeOver), func() error {
		s, err := r.observer.Status(ctx)
		if err == nil && s.Leader.Epoch <= status.Leader.Epoch {
			err = errors.New("it has the epoch of the one before")
		}
		if err == nil {
			r.Say("%s was killed, %s leads after %s", name, s.Leader.Name, time.Since(at).Round(time.Millisecond))
		}
		return err
	})
	if err != nil {
		return err
	}
	r.Result.Times = append(r.Result.Times, time.Since(at))
	return r.group.Process(name).Await(ctx, endWithin)
}

// checkFormat checks the format in which the journal is written.
func (r *trial) checkFormat(ctx context.Context, want int) error {
	status, err := r.observer.Status(ctx)
	if err != nil {
		return err
	}
	r.Result.Equal("format of the journal", status.Journal.Format, want)
	return nil
}

// command runs the newer version's command to its end, and returns what it printed.
func (r *trial) command(ctx context.Context, binary string, args ...string) (status int, output string, err error) {
	args = append(args, "--server", r.group.Servers[0])
	name := strings.Join(args[:2], "-")
	p, err := r.lab.StartBinary(name, binary, nil, args...)
	if err != nil {
		return 0, "", err
	}
	if err := p.Await(ctx, r.Within(endWithin)); err != nil {
		return 0, "", err
	}
	return p.Status(), p.Tail(), nil
}

// refused asks for the newer format, which is refused as these cannot read it.
func (r *trial) refused(ctx context.Context, names ...string) error {
	status, output, err := r.command(ctx, r.next, "cluster", "upgrade")
	if err != nil {
		return err
	}
	var wrong []string
	if status != 1 {
		wrong = append(wrong, fmt.Sprintf("status %d", status))
	}
	for _, name := range names {
		if !strings.Contains(output, name) {
			wrong = append(wrong, fmt.Sprintf("%s is not named", name))
		}
	}
	if len(wrong) > 0 {
		wrong = append(wrong, output)
	}
	r.Result.None("an upgrade that is not refused as it should be", wrong)
	return nil
}

// upgrade asks for the newer format, and is answered with want.
func (r *trial) upgrade(ctx context.Context, want string) error {
	status, output, err := r.command(ctx, r.next, "cluster", "upgrade")
	if err == nil && (status != 0 || !strings.Contains(output, want)) {
		err = fmt.Errorf("ha cluster upgrade: status %d, %q is wanted: %s", status, want, output)
	}
	return err
}

// tooOld stops a dispatcher and starts it again as it was before the upgrade. It ends and
// says why.
func (r *trial) tooOld(ctx context.Context, name string) error {
	p := r.group.Process(name)
	if err := p.Terminate(); err != nil {
		return err
	}
	if err := p.Await(ctx, endWithin); err != nil {
		return err
	}
	r.group.SetBinary(name, "")
	if err := r.group.Start(name); err != nil {
		return err
	}
	p = r.group.Process(name)
	if err := p.Await(ctx, r.Within(endWithin)); err != nil {
		return fmt.Errorf("%s cannot read the journal and goes on: %w", name, err)
	}
	var wrong []string
	if said := p.Tail(); p.Status() != 1 || !strings.Contains(said, "newer version") {
		wrong = append(wrong, fmt.Sprintf("status %d: %s", p.Status(), said))
	}
	r.Result.None("an old version that does not say why it ends", wrong)
	return nil
}

// verify checks the journal by the newer version, and that this one says why it cannot.
func (r *trial) verify(ctx context.Context) error {
	status, output, err := r.command(ctx, r.next, "journal", "verify")
	if err == nil && status != 0 {
		err = fmt.Errorf("ha journal verify: status %d: %s", status, output)
	}
	if err != nil {
		return err
	}
	status, output, err = r.command(ctx, "", "journal", "verify")
	if err == nil && (status == 0 || !strings.Contains(output, "newer version")) {
		err = fmt.Errorf("ha journal verify of the version before: status %d: %s", status, output)
	}
	return err
}

// conclude checks the tasks, which must all have ended well.
func (r *trial) conclude(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, r.Within(endedWithin))
	defer cancel()
	r.Result.None("submissions that failed", r.load.problems)
	r.Result.None("acknowledged tasks that did not end as they should", r.load.wrong(limited))
	r.Result.Equal("dispatchers that were ready beside the one that was replaced, at least", r.least, 2)
	r.Result.Note("%d tasks were acknowledged and ended", r.load.count())
	return nil
}
