package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// demoGrace lets Ctrl-C end the demo at once: what the workers run is only sleep.
const demoGrace = 10 * time.Millisecond

// demo is one run of everything in one process. Its fields are set before run
// and then owned by it.
type demo struct {
	flags      *demoFlags
	dispatcher dispatcher.Config
	log        zerolog.Logger
	out        io.Writer
	notices    io.Writer // where the person looks, also with --json

	server  *embedded.Server
	nc      *nats.Conn // the dispatcher's, and the one to watch by
	names   subjects.Names
	leads   *part
	workers []*part
	ended   chan *part
	began   time.Time
}

// run starts the server, the dispatcher and the workers, in this order, shows
// what they do until the time is up or ctx ends, and stops them in the opposite
// order. It returns the list of workers from just before they left.
func (d *demo) run(ctx context.Context) (subjects.Workers, error) {
	var none subjects.Workers
	d.ended = make(chan *part, len(d.flags.weights.weights)+1)
	if err := d.startServer(ctx); err != nil {
		return none, err
	}
	defer d.server.Shutdown()
	nc, err := d.connect("demo")
	if err != nil {
		return none, err
	}
	defer nc.Close()
	d.nc = nc
	last, err := d.withParts(ctx)
	// Also after a failure: everything that was started is stopped.
	if stopErr := d.stopParts(); err == nil {
		err = stopErr
	}
	return last, err
}

// withParts is the run between the start of the server and its end.
func (d *demo) withParts(ctx context.Context) (last subjects.Workers, err error) {
	d.names, err = subjects.NewNames(d.dispatcher.Prefix)
	if err != nil {
		return last, err
	}
	activations, err := d.watch()
	if err != nil {
		return last, err
	}
	if err := writeIntroduction(d.out, d.server.URL()); err != nil {
		return last, err
	}
	if err := d.startDispatcher(ctx); err != nil {
		return last, err
	}
	d.began = time.Now()
	for i, weight := range d.flags.weights.weights {
		if err := d.startWorker(ctx, fmt.Sprintf("worker-%d", i+1), weight); err != nil {
			return last, err
		}
	}
	if err := d.show(ctx, activations); err != nil {
		return last, err
	}
	return d.table(context.WithoutCancel(ctx)) // the last one is wanted most after Ctrl-C
}

// startServer takes a free port where the wanted one is in use.
func (d *demo) startServer(ctx context.Context) (err error) {
	cfg := embedded.Config{Name: "demo", Listen: d.flags.listen, NoJetStream: true, Log: d.log}
	d.server, err = embedded.Start(ctx, cfg)
	if !errors.Is(err, embedded.ErrPortInUse) {
		return err
	}
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return err
	}
	cfg.Listen = net.JoinHostPort(host, "0")
	if d.server, err = embedded.Start(ctx, cfg); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(d.notices, "%s is in use: taking %s instead.\n", d.flags.listen, d.server.Addr()); err != nil {
		d.server.Shutdown()
		return err
	}
	return nil
}

func (d *demo) connect(name string) (*nats.Conn, error) {
	return d.server.Connect(connect.Options(clientName("demo", name), d.log)...)
}

// startDispatcher returns when the dispatcher answers.
func (d *demo) startDispatcher(ctx context.Context) error {
	leader, err := dispatcher.New(d.nc, d.dispatcher)
	if err != nil {
		return err
	}
	d.leads = startPart(ctx, "dispatcher", leader.Run, d.note)
	select {
	case <-leader.Ready():
		return nil
	case <-d.leads.done:
		return d.leads.failure()
	case <-ctx.Done():
		return fmt.Errorf("stopped before the dispatcher was ready: %w", context.Cause(ctx))
	}
}

// startWorker gives each worker a connection of its own, as if it were another process.
func (d *demo) startWorker(ctx context.Context, name string, weight ha.Weight) error {
	nc, err := d.connect(name)
	if err != nil {
		return err
	}
	log := d.log.With().Str("name", name).Logger()
	w, err := worker.New(nc, worker.Config{
		Weight: weight, Name: name, Handler: d.flags.work.handle, Grace: demoGrace, Log: log,
	})
	if err != nil {
		nc.Close()
		return err
	}
	d.workers = append(d.workers, startPart(ctx, name, func(ctx context.Context) error {
		defer nc.Close()
		return w.Run(ctx)
	}, d.note))
	return nil
}

// note never blocks: there is room for every part.
func (d *demo) note(p *part) { d.ended <- p }

// stopParts stops the workers, which still need the dispatcher to say goodbye,
// and then the dispatcher.
func (d *demo) stopParts() error {
	err := stop(stopWithin, d.workers...)
	if d.leads == nil {
		return err
	}
	return errors.Join(err, stop(stopWithin, d.leads))
}
