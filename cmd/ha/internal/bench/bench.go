package bench

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// Options say how much is measured.
type Options struct {
	// Tasks are submitted Batch at a time by each of Submitters.
	Tasks, Batch, Submitters int
	// Workers are registered, and each runs as many tasks at once as it has Slots.
	Workers, Slots int
	// Size is the bytes of a payload, at least 2.
	Size int
	// Singles are submitted one after the other before that.
	Singles int
	// Timeout bounds the wait for each answer.
	Timeout time.Duration
}

// patience is how long nothing may happen before a bench says so and ends.
const patience = 30 * time.Second

// Measurement is one run.
type Measurement struct {
	flags *Options
	*client.Client
	nc    *nats.Conn
	names subjects.Names
	log   zerolog.Logger
	// Connect opens a further connection, CancelAll cancels tasks, and Say tells people how
	// far it is. All are set before [Measurement.Run].
	Connect   func(name string) (*nats.Conn, error)
	CancelAll func(context.Context, []string) error
	Say       func(string)
	// kind is of this run alone, and also the pool and the beginning of the ids.
	kind    string
	payload json.RawMessage
	expires time.Time
	times   *stopwatch
}

// New prepares a measurement with a kind of its own. c is the client that submits,
// over nc.
func New(f *Options, c *client.Client, nc *nats.Conn, names subjects.Names, log zerolog.Logger) *Measurement {
	kind := "ha-bench-" + strconv.FormatUint(rand.Uint64(), 36)
	return &Measurement{
		flags: f, Client: c, nc: nc, names: names, log: log, kind: kind,
		payload: json.RawMessage(`"` + strings.Repeat("x", f.Size-2) + `"`),
		// Should this process be killed, what it leaves does not stay for ever.
		expires: time.Now().Add(time.Hour),
		times:   newStopwatch(kind, f.Singles+f.Tasks),
	}
}

// spec is the task of that number.
func (b *Measurement) spec(n int) ha.TaskSpec {
	return ha.TaskSpec{ID: b.times.id(n), Kind: b.kind, Pool: b.kind, Payload: b.payload, ExpiresAt: b.expires}
}

// cleanUp cancels what is left, and takes the results that nobody else is to be
// handed. It has a time of its own, as it is wanted most after Ctrl-C.
func (b *Measurement) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var left []string
	for record, err := range b.List(ctx, client.Filter{Kind: b.kind}) {
		if err != nil {
			b.log.Warn().Err(err).Msg("looking for tasks that are left")
			break
		}
		if !record.State.Final() {
			left = append(left, string(record.ID))
		}
	}
	if err := b.CancelAll(ctx, left); err != nil {
		b.log.Warn().Err(err).Str("kind", b.kind).Msg("cancelling the tasks that are left")
	}
	for {
		results, err := b.Pull(ctx, client.PullOptions{Kind: b.kind, Limit: subjects.MaxTasksPage})
		if err != nil || len(results) == 0 {
			return // they are of no interest to anybody, but in nobody's way either
		}
	}
}
