package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// ChangesAtOnce is how many tasks are changed at a time.
const ChangesAtOnce = 16

// Each does something for every task that args name, atOnce at a time, and shows
// what came of it. A task for which it fails is told of on standard error, and the
// others go on. The error counts the failures.
func Each(ctx context.Context, a *cli.App, args []string, atOnce int, failure string,
	do func(context.Context, ha.TaskID) (ha.TaskRecord, error), show func(ha.TaskRecord) error,
) error {
	ids, err := readIDs(args, a.Stdin)
	if err != nil {
		return err
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	e := &outcomes{app: a, show: show, alone: len(ids) == 1, giveUp: giveUp}
	next := make(chan ha.TaskID)
	var doing sync.WaitGroup
	for range min(atOnce, len(ids)) {
		doing.Go(func() {
			for id := range next {
				record, err := do(ctx, id)
				e.note(ctx, id, record, err)
			}
		})
	}
	for _, id := range ids {
		select {
		case next <- id:
		case <-ctx.Done():
		}
	}
	close(next)
	doing.Wait()
	switch {
	case e.broken != nil:
		return e.broken
	case ctx.Err() != nil:
		return fmt.Errorf("stopped before all was done: %w", context.Cause(ctx))
	case e.alone:
		return e.last
	case e.failed > 0:
		return fmt.Errorf("%d of %d tasks %s", e.failed, len(ids), failure)
	}
	return nil
}

// outcomes collects what came of each.
type outcomes struct {
	app    *cli.App
	show   func(ha.TaskRecord) error
	alone  bool
	giveUp func()

	mu     sync.Mutex
	failed int
	// last is the last failure, broken why it is of no use to go on.
	last, broken error
}

// note shows the record, if there is one, and counts the error. A record and an
// error together say that the task ended badly.
func (e *outcomes) note(ctx context.Context, id ha.TaskID, record ha.TaskRecord, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil || ctx.Err() != nil && (err != nil || record.State == "") {
		return // it was not done, which is not for a reason of its own
	}
	if record.State.Final() || err == nil {
		e.broken = e.show(record)
	} else if errors.Is(err, ha.ErrUnavailable) || errors.Is(err, nats.ErrConnectionClosed) {
		e.broken = err // and so it would be for every other
	}
	if e.broken != nil {
		e.giveUp()
		return
	}
	if err == nil {
		return
	}
	e.failed, e.last = e.failed+1, err
	if !e.alone {
		_, _ = fmt.Fprintf(e.app.Stderr, "ha: task %s: %s\n", id, cli.Refusal(err)) // that there was something to say is in the exit status
	}
}
