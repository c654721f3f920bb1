package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/worker"
)

// workerWord is the first argument of a process that is to be a worker.
const workerWord = "be-a-worker"

// grace is how long a worker that is told to stop waits for its handlers.
const grace = 2 * time.Second

// workerMain is the main function of a worker. It returns the exit status.
func workerMain(args []string) int {
	var (
		cfg                   worker.Config
		weight                uint
		server, ledger, kinds string
		seed                  uint64
		log                   = zerolog.New(os.Stderr).With().Timestamp().Logger()
		ctx, stop             = signal.NotifyContext(context.Background(), syscall.SIGTERM)
		flags                 = flag.NewFlagSet(workerWord, flag.ContinueOnError)
	)
	defer stop()
	flags.StringVar(&server, "server", "", "")
	flags.StringVar(&cfg.Name, "name", "", "")
	flags.UintVar(&weight, "weight", 1, "")
	flags.IntVar(&cfg.Slots, "slots", 1, "")
	flags.StringVar(&kinds, "kinds", "", "")
	flags.StringVar(&ledger, "ledger", "", "")
	flags.Uint64Var(&seed, "seed", 0, "")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	cfg.Weight, cfg.Grace, cfg.Log = ha.Weight(weight), grace, log
	if err := beWorker(ctx, cfg, server, ledger, strings.Split(kinds, ","), rule{seed}); err != nil {
		log.Error().Err(err).Msg("worker ended")
		return 1
	}
	return 0
}

func beWorker(ctx context.Context, cfg worker.Config, server, ledger string, kinds []string, r rule) error {
	j, err := newJournalist(ledger)
	if err != nil {
		return err
	}
	nc, err := harness.Connect(cfg.Name, strings.Split(server, ","))
	if err != nil {
		return err
	}
	defer nc.Close()
	w, err := worker.New(nc, cfg)
	if err != nil {
		return err
	}
	w.Use(j.around)
	for _, kind := range kinds {
		w.Handle(kind, r.handle)
	}
	return w.Run(ctx)
}

// errOfRule is how attempts fail.
var errOfRule = errors.New("fails by the rule")

// handle does what the fate of a task calls for.
func (r rule) handle(ctx context.Context, t ha.Task) (any, error) {
	switch fateOf(t.ID) {
	case held, slow:
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case stuck:
		<-time.After(t.Timeout + overtime)
		return data{Activation: t.Activation.ID}, nil // which nobody may take for a result
	case poison:
		// As the kernel does if memory is short. It does not come back.
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			return nil, err
		}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	length := r.length(t)
	if length > 40*time.Millisecond {
		worker.SetProgress(ctx, 50, "half of it")
	}
	if err := pause.Sleep(ctx, length); err != nil {
		return nil, err
	}
	if t.Attempt <= r.failures(t.ID, t.Step) {
		return nil, r.fail(t)
	}
	return r.result(t)
}

// fail returns the error of an attempt, or panics.
func (r rule) fail(t ha.Task) error {
	switch f := fateOf(t.ID); {
	case f == permanent, f == broken && r.failures(t.ID, t.Step) == forever:
		return ha.Permanent(errOfRule)
	case r.chance(t.ID, "panic", t.Step, t.Attempt)%4 == 0:
		panic(errOfRule)
	}
	return errOfRule
}

// result computes what the task asks for.
func (r rule) result(t ha.Task) (any, error) {
	in, err := decode(t.Payload)
	if err != nil {
		return nil, ha.Permanent(err)
	}
	var ups []upstream
	for _, u := range t.Upstream {
		up := upstream{id: u.ID, state: u.State}
		if u.Omitted {
			return nil, ha.Permanent(fmt.Errorf("the result of %s is not there", u.ID))
		}
		if u.State == ha.TaskCompleted {
			d, err := decode(u.Result)
			if err != nil {
				return nil, ha.Permanent(err)
			}
			up.value = d.Value
		}
		ups = append(ups, up)
	}
	return data{value(t.Kind, in.Value, ups), t.Activation.ID}, nil
}
