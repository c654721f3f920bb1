package dispatcher

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

const (
	// appendTimeout bounds one append. What takes longer has an unknown outcome, which
	// the member resolves.
	appendTimeout = 2 * time.Second
	// readEndTimeout bounds one question for the journal's end. A stream that has no leader
	// does not answer at all, also not later. So a dispatcher that wants to lead loses what
	// is left of that time when there is a leader again.
	readEndTimeout = 500 * time.Millisecond
)

// appender is the log as the term sees it: it appends, reads the journal's end, and purges, each on a
// goroutine of its own, and sends the answers to the loop.
type appender struct {
	d       *Dispatcher
	log     journal.Log
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	answers chan term.Answer
}

func newAppender(d *Dispatcher, log journal.Log) *appender {
	ctx, cancel := context.WithCancel(context.Background())
	return &appender{d: d, log: log, ctx: ctx, cancel: cancel, answers: make(chan term.Answer)}
}

// stop ends what is under way and waits for it.
func (ap *appender) stop() {
	ap.cancel()
	ap.wg.Wait()
}

// Append implements [term.Log].
func (ap *appender) Append(op uint64, a journal.Action) {
	ap.start(appendTimeout, func(ctx context.Context) term.Answer { return term.Answer{Op: op, Passed: ap.append(ctx, a)} })
}

// ReadEnd implements [term.Log].
func (ap *appender) ReadEnd(op, after uint64) {
	ap.start(readEndTimeout, func(ctx context.Context) term.Answer {
		return term.Answer{Op: op, ReadEnd: true, End: ap.readEnd(ctx, after)}
	})
}

// Purge implements [term.Log].
func (ap *appender) Purge(before uint64) {
	ap.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ap.ctx, stopTimeout)
		defer cancel()
		if err := ap.log.Purge(ctx, before); err != nil {
			ap.d.cfg.Log.Warn().Err(err).Msg("cleaning the journal; the next cleaning will do it")
		}
	})
}

// Poll implements [term.Log].
func (ap *appender) Poll() (term.Answer, bool) {
	select {
	case a := <-ap.answers:
		return a, true
	default:
		return term.Answer{}, false
	}
}

func (ap *appender) start(within time.Duration, do func(context.Context) term.Answer) {
	ap.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ap.ctx, within)
		defer cancel()
		a := do(ctx)
		select {
		case ap.answers <- a:
		case <-ap.ctx.Done():
		}
	})
}

func (ap *appender) append(ctx context.Context, a journal.Action) bool {
	_, err := ap.log.Append(ctx, a.After, a.Entry)
	if err == nil || errors.Is(err, journal.ErrConflict) || ap.ctx.Err() != nil {
		ap.d.health.set(nil)
	} else {
		ap.d.health.set(err)
	}
	return err == nil
}

func (ap *appender) readEnd(ctx context.Context, after uint64) journal.LogEnd {
	_, last, err := ap.log.Bounds(ctx)
	if err != nil {
		return journal.LogEnd{Failed: true}
	}
	end := journal.LogEnd{Last: last}
	for seq := after + 1; seq <= last && len(end.Next) < journal.MostNext; seq++ {
		next, err := ap.log.Get(ctx, seq)
		switch {
		case err == nil:
			end.Next = append(end.Next, next)
			continue
		case errors.Is(err, journal.ErrNewer):
			end.Newer = true
		case !errors.Is(err, journal.ErrGap) && len(end.Next) == 0:
			end.Failed = true
		}
		break
	}
	return end
}
