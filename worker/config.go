package worker

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/subjects"
)

// Defaults of the fields of a [Config] that are zero.
const (
	DefaultWeight = ha.Weight(1)
	DefaultSlots  = 1
	// DefaultGrace is how long a worker told to stop waits for its handlers.
	// With the time that a program has from SIGTERM to SIGKILL, it is less than container
	// runtimes commonly give.
	DefaultGrace = 20 * time.Second
)

// Handler does the work of one plain activation. Its context is cancelled early
// for one of four reasons, which [context.Cause] tells: the dispatcher cancelled
// the activation ([ErrCancelled]), the grace period of a stop is over
// ([ErrStopping]), the dispatcher removed this worker ([ErrForgotten]), or it is
// out of reach ([ha.ErrDispatcherLost]). The context carries the values of the
// context given to Run, but not its cancellation.
//
// A nil error is reported as [ha.OutcomeDone]. An error is reported as
// [ha.OutcomeFailed], or as [ha.OutcomeCancelled] where the context had been
// cancelled by then. A panic is reported as failed and the worker lives on. With
// more than one slot, handlers run concurrently. A handler that heeds its context
// lets its worker stop in time.
type Handler func(ctx context.Context, a ha.Activation) error

// MaxGrace is the longest grace period that a [Config] may ask for.
const MaxGrace = 24 * time.Hour

// Config is what a [Worker] can be told. Zero is the default of every field; a worker
// that handles no kinds of tasks needs a Handler.
type Config struct {
	// Weight is the worker's claim on activations, 1 to 1,000,000. Default 1.
	Weight ha.Weight
	// Handler does the work of plain activations. Nil: the worker is for the kinds of
	// tasks that [Worker.Handle] was called for.
	Handler Handler
	// Name is for people, 1 to 64 letters, digits, '_' and '-'; it need not be unique.
	Name string
	// Prefix begins every subject; it must be the dispatcher's. Default "ha".
	Prefix string
	// Pools the worker belongs to. Default: the pool "default".
	Pools []string
	// Slots is how many activations run at the same time, 1 to 4096. Default 1.
	Slots int
	// Shared makes the worker listen on the shared activate subject only. By default
	// it offers a subject of its own as well, which a dispatcher set to direct
	// delivery uses.
	Shared bool
	// Grace is how long a stop waits for running handlers before it cancels them,
	// up to 24 h. Default 20 s. A shorter grace than 5 s also shortens the time that
	// cancelled handlers are given to return.
	Grace time.Duration
	// KeepServer keeps the connection where it is. By default a worker whose heartbeats are not answered moves it to
	// another NATS server of the cluster after two misses, as the one it is connected to may be cut off from the
	// dispatcher, and once more to a random one when it is idle some minutes later. All who use the connection are reconnected.
	KeepServer bool
	// Log receives what the worker has to say. The zero logger writes nothing.
	Log zerolog.Logger
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	var wrong problems.List
	_, err := subjects.NewNames(c.Prefix)
	wrong.Check(err)
	if c.Grace < 0 || c.Grace > MaxGrace {
		wrong.Add("grace must be from 0 (the default, %s) to %s, got %s", DefaultGrace, MaxGrace, c.Grace)
	}
	wrong.Check(c.withDefaults().hello("").Validate())
	return wrong.Err("worker configuration")
}

// withDefaults fills in what was left zero, and keeps nothing that the caller
// could still change.
func (c Config) withDefaults() Config {
	c.Weight = cmp.Or(c.Weight, DefaultWeight)
	c.Slots = cmp.Or(c.Slots, DefaultSlots)
	c.Grace = cmp.Or(c.Grace, DefaultGrace)
	if c.Prefix == "" {
		c.Prefix = subjects.DefaultPrefix
	}
	c.Pools = slices.Clone(c.Pools)
	if len(c.Pools) == 0 {
		c.Pools = []string{subjects.DefaultPool}
	}
	return c
}

// hello is how a worker with the settings c, which has its defaults, introduces itself.
func (c Config) hello(instance string) subjects.Hello {
	return subjects.Hello{
		Message:  "is someone there",
		Weight:   c.Weight,
		Name:     c.Name,
		Pools:    c.Pools,
		Slots:    c.Slots,
		Instance: instance,
		Protocol: subjects.ProtocolVersion,
		Direct:   !c.Shared,
	}
}
