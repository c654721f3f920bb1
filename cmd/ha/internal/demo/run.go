package demo

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
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// grace lets Ctrl-C end the demo at once: what the workers run is only sleep.
const grace = 10 * time.Millisecond

// Demo is one run of everything in one process. Its fields are set before [Demo.Run]
// and then owned by it.
type Demo struct {
	// Weights has one worker each, and Handler is the work of all of them.
	Weights []ha.Weight
	Handler worker.Handler
	// Listen is the address of the server, or of one beside it if it is in use.
	Listen string
	// Duration is how long it runs; 0: until ctx ends.
	Duration   time.Duration
	Dispatcher dispatcher.Config
	Log        zerolog.Logger
	// Out is where activations and tables go, unless Quiet.
	Out   io.Writer
	Quiet bool
	// Notices is where the person looks, also with --json.
	Notices io.Writer

	node    *node.Node
	nc      *nats.Conn // to watch by
	names   subjects.Names
	workers []*cli.Part
	ended   chan *cli.Part
	began   time.Time
}

// Run starts the server, the dispatcher and the workers, in this order, shows
// what they do until the time is up or ctx ends, and stops them in the opposite
// order. It returns the list of workers from just before they left.
func (d *Demo) Run(ctx context.Context) (last subjects.Workers, err error) {
	d.ended = make(chan *cli.Part, len(d.Weights))
	if err := d.startNode(ctx); err != nil {
		return last, err
	}
	last, err = d.withWorkers(ctx)
	// Also after a failure: everything that was started is stopped. The workers still
	// need the dispatcher to say goodbye.
	for _, stopped := range []error{cli.StopParts(cli.StopWithin, d.workers...), d.node.Stop()} {
		if err == nil {
			err = stopped
		}
	}
	return last, err
}

// withWorkers is the run between the start of the node and its end.
func (d *Demo) withWorkers(ctx context.Context) (last subjects.Workers, err error) {
	if d.nc, err = d.connect("demo"); err != nil {
		return last, err
	}
	d.names, err = subjects.NewNames(d.Dispatcher.Prefix)
	if err != nil {
		return last, err
	}
	activations, err := d.watch()
	if err != nil {
		return last, err
	}
	if err := writeIntroduction(d.Out, d.node.URL()); err != nil {
		return last, err
	}
	d.began = time.Now()
	for i, weight := range d.Weights {
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
func (d *Demo) startNode(ctx context.Context) (err error) {
	cfg := node.Config{
		Listen: d.Listen, Ephemeral: true, Server: embedded.Config{Name: "demo", NoJetStream: true},
		Dispatcher: d.Dispatcher, Log: d.Log,
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
	if _, err := fmt.Fprintf(d.Notices, "%s is in use: taking %s instead.\n", d.Listen, d.node.Server().Addr()); err != nil {
		return errors.Join(err, d.node.Stop())
	}
	return nil
}

func (d *Demo) connect(name string) (*nats.Conn, error) {
	return d.node.Connect(cli.ClientName("demo", name))
}

// startWorker gives each worker a connection of its own, as if it were another process.
func (d *Demo) startWorker(ctx context.Context, name string, weight ha.Weight) error {
	nc, err := d.connect(name)
	if err != nil {
		return err
	}
	log := d.Log.With().Str("name", name).Logger()
	w, err := worker.New(nc, worker.Config{
		Weight: weight, Name: name, Handler: d.Handler, Grace: grace, Log: log,
	})
	if err != nil {
		nc.Close()
		return err
	}
	d.workers = append(d.workers, cli.StartPart(ctx, name, func(ctx context.Context) error {
		defer nc.Close()
		return w.Run(ctx)
	}, d.note))
	return nil
}

// note never blocks: there is room for every part.
func (d *Demo) note(p *cli.Part) { d.ended <- p }
