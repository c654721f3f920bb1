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
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/node"
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

	node    *node.Node
	nc      *nats.Conn // to watch by
	names   subjects.Names
	workers []*part
	ended   chan *part
	began   time.Time
}

// run starts the server, the dispatcher and the workers, in this order, shows
// what they do until the time is up or ctx ends, and stops them in the opposite
// order. It returns the list of workers from just before they left.
func (d *demo) run(ctx context.Context) (last subjects.Workers, err error) {
	d.ended = make(chan *part, len(d.flags.weights.weights))
	if err := d.startNode(ctx); err != nil {
		return last, err
	}
	last, err = d.withWorkers(ctx)
	// Also after a failure: everything that was started is stopped. The workers still
	// need the dispatcher to say goodbye.
	for _, stopped := range []error{stop(stopWithin, d.workers...), d.node.Stop()} {
		if err == nil {
			err = stopped
		}
	}
	return last, err
}

// withWorkers is the run between the start of the node and its end.
func (d *demo) withWorkers(ctx context.Context) (last subjects.Workers, err error) {
	if d.nc, err = d.connect("demo"); err != nil {
		return last, err
	}
	d.names, err = subjects.NewNames(d.dispatcher.Prefix)
	if err != nil {
		return last, err
	}
	activations, err := d.watch()
	if err != nil {
		return last, err
	}
	if err := writeIntroduction(d.out, d.node.URL()); err != nil {
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

// startNode takes a free port where the wanted one is in use. It returns when the
// dispatcher answers.
func (d *demo) startNode(ctx context.Context) (err error) {
	cfg := node.Config{
		Listen: d.flags.listen, Ephemeral: true, Server: embedded.Config{Name: "demo", NoJetStream: true},
		Dispatcher: d.dispatcher, Log: d.log,
	}
	d.node, err = node.Start(ctx, cfg)
	if !errors.Is(err, embedded.ErrPortInUse) {
		return err
	}
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return err
	}
	cfg.Listen = net.JoinHostPort(host, "0")
	if d.node, err = node.Start(ctx, cfg); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(d.notices, "%s is in use: taking %s instead.\n", d.flags.listen, d.node.Server().Addr()); err != nil {
		return errors.Join(err, d.node.Stop())
	}
	return nil
}

func (d *demo) connect(name string) (*nats.Conn, error) {
	return d.node.Connect(clientName("demo", name))
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
