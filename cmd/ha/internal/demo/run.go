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
	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
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

	server  *embedded.Server
	nc      *nats.Conn // the dispatcher's, and the one to watch by
	names   subjects.Names
	leads   *cli.Part
	workers []*cli.Part
	ended   chan *cli.Part
	began   time.Time
}

// Run starts the server, the dispatcher and the workers, in this order, shows
// what they do until the time is up or ctx ends, and stops them in the opposite
// order. It returns the list of workers from just before they left.
func (d *Demo) Run(ctx context.Context) (subjects.Workers, error) {
	var none subjects.Workers
	d.ended = make(chan *cli.Part, len(d.Weights)+1)
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
func (d *Demo) withParts(ctx context.Context) (last subjects.Workers, err error) {
	d.names, err = subjects.NewNames(d.Dispatcher.Prefix)
	if err != nil {
		return last, err
	}
	activations, err := d.watch()
	if err != nil {
		return last, err
	}
	if err := writeIntroduction(d.Out, d.server.URL()); err != nil {
		return last, err
	}
	if err := d.startDispatcher(ctx); err != nil {
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

// startServer takes a free port where the wanted one is in use.
func (d *Demo) startServer(ctx context.Context) (err error) {
	cfg := embedded.Config{Name: "demo", Listen: d.Listen, NoJetStream: true, Log: d.Log}
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
	if _, err := fmt.Fprintf(d.Notices, "%s is in use: taking %s instead.\n", d.Listen, d.server.Addr()); err != nil {
		d.server.Shutdown()
		return err
	}
	return nil
}

func (d *Demo) connect(name string) (*nats.Conn, error) {
	return d.server.Connect(connect.Options(cli.ClientName("demo", name), d.Log)...)
}

// startDispatcher returns when the dispatcher answers.
func (d *Demo) startDispatcher(ctx context.Context) error {
	leader, err := dispatcher.New(d.nc, d.Dispatcher)
	if err != nil {
		return err
	}
	d.leads = cli.StartPart(ctx, "dispatcher", leader.Run, d.note)
	select {
	case <-leader.Ready():
		return nil
	case <-d.leads.Done:
		return d.leads.Failure()
	case <-ctx.Done():
		return fmt.Errorf("stopped before the dispatcher was ready: %w", context.Cause(ctx))
	}
}

// startWorker gives each worker a connection of its own, as if it were another process.
func (d *Demo) startWorker(ctx context.Context, name string, weight ha.Weight) error {
	nc, err := d.connect(name)
	if err != nil {
		return err
	}
	log := d.Log.With().Str("name", name).Logger()
	w, err := worker.New(nc, worker.Config{
		Weight: weight, Name: name, Handler: d.Handler, Grace: grace, Log: &log,
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

// stopParts stops the workers, which still need the dispatcher to say goodbye,
// and then the dispatcher.
func (d *Demo) stopParts() error {
	err := cli.StopParts(cli.StopWithin, d.workers...)
	if d.leads == nil {
		return err
	}
	return errors.Join(err, cli.StopParts(cli.StopWithin, d.leads))
}
