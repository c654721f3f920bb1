package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/internal/pause"
)

const (
	// openTimeout bounds one attempt to open the journal.
	openTimeout = 3 * time.Second
	// leastPayload is what the server must carry: a full commit, and what is added to
	// it last, or a task with payload and result.
	leastPayload = term.CommitBytes + 512<<10
	// raiseEvery is how often a leader looks whether the stream can have more replicas.
	raiseEvery = 10 * time.Second
)

// openJournal opens the journal that the configuration names. It waits until
// JetStream answers, or ctx ends.
func (d *Dispatcher) openJournal(ctx context.Context) (journal.Log, error) {
	if d.cfg.Journal == JournalMemory {
		return journal.NewMemory(), nil
	}
	for {
		log, err := d.openStream(ctx)
		switch {
		case err == nil:
			d.health.set(nil)
			if caveat := journal.PowerLossCaveat(d.nc); caveat != "" {
				d.cfg.Log.Warn().Msg(caveat)
			}
			return log, nil
		case errors.Is(err, journal.ErrNoJetStream) && d.cfg.Journal == JournalAuto:
			d.cfg.Log.Warn().Msg("this NATS server has no JetStream: the journal is kept in memory. What this dispatcher" +
				" knows ends with its process, and no standby can take over")
			return journal.NewMemory(), nil
		case d.nc.IsClosed():
			return nil, fmt.Errorf("open the journal: %w", nats.ErrConnectionClosed)
		case !errors.Is(err, journal.ErrUnhealthy):
			return nil, fmt.Errorf("open the journal: %w", err)
		}
		d.health.set(err)
		if err := pause.Sleep(ctx, journal.RetryEvery); err != nil {
			return nil, err
		}
	}
}

func (d *Dispatcher) openStream(ctx context.Context) (*journal.JetStream, error) {
	limit, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := journal.Usable(limit, d.nc); err != nil {
		return nil, err
	}
	if carried := d.nc.MaxPayload(); carried < leastPayload {
		return nil, fmt.Errorf("the NATS server's max_payload is %d bytes, the journal needs at least %d (NATS has 1048576 by default): %w",
			carried, leastPayload, ha.ErrInvalid)
	}
	return journal.OpenJetStream(limit, d.nc, journal.JetStreamConfig{
		Prefix: d.names.Prefix(), Replicas: d.cfg.Replicas, Logger: d.cfg.Log,
	})
}

// replicaRaiser is a journal that can be given more replicas as its cluster grows.
type replicaRaiser interface {
	Raise(ctx context.Context) (replicas int, err error)
}

// maintainJournal checks and improves how the journal is kept while this dispatcher leads. The function it
// returns ends that.
func (d *Dispatcher) maintainJournal(log journal.Log) (stop func()) {
	r, ok := log.(replicaRaiser)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			// The servers of a cluster may differ, and a reconnect may have moved us.
			if err := journal.CheckServer(d.nc); errors.Is(err, journal.ErrOldServer) {
				d.cfg.Log.Error().Err(err).Msg("the journal is not safe on this server: upgrade it, or connect elsewhere")
			}
			if _, err := r.Raise(ctx); err != nil && ctx.Err() == nil {
				d.cfg.Log.Debug().Err(err).Msg("looking for more replicas")
			}
			_ = pause.Sleep(ctx, raiseEvery) // ctx ended: so does the loop
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
