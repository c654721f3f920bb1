package dispatcher

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
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

// appender does what the member asks for: it appends, and reads the journal's end, one
// at a time, each on a goroutine of its own. Everything but the results belongs to the
// loop.
type appender struct {
	d      *Dispatcher
	log    journal.Log
	member *journal.Member
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	op      uint64 // of the result that is awaited; others are stale
	results chan appendResult
}

type appendResult struct {
	op      uint64
	readEnd bool // the result of DoReadEnd; otherwise of DoAppend
	passed  bool
	end     journal.LogEnd
}

func newAppender(d *Dispatcher, log journal.Log, member *journal.Member) *appender {
	ctx, cancel := context.WithCancel(context.Background())
	return &appender{d: d, log: log, member: member, ctx: ctx, cancel: cancel, results: make(chan appendResult)}
}

// stop ends what is under way and waits for it.
func (ap *appender) stop() {
	ap.cancel()
	ap.wg.Wait()
}

// now is the member's clock.
func (ap *appender) now() time.Duration { return ap.d.clock() }

// perform starts what the member asks for and returns the rest, which is for the loop.
func (ap *appender) perform(actions []journal.Action) (rest []journal.Action) {
	for _, a := range actions {
		switch a.Type {
		case journal.DoAppend:
			ap.start(func(ctx context.Context) appendResult { return appendResult{passed: ap.append(ctx, a)} }, appendTimeout)
		case journal.DoReadEnd:
			ap.start(func(ctx context.Context) appendResult { return appendResult{readEnd: true, end: ap.readEnd(ctx, a)} }, readEndTimeout)
		default:
			rest = append(rest, a)
		}
	}
	return rest
}

func (ap *appender) start(do func(context.Context) appendResult, within time.Duration) {
	ap.op++
	op := ap.op
	ap.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ap.ctx, within)
		defer cancel()
		r := do(ctx)
		r.op = op
		select {
		case ap.results <- r:
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

func (ap *appender) readEnd(ctx context.Context, a journal.Action) journal.LogEnd {
	_, last, err := ap.log.Bounds(ctx)
	if err != nil {
		return journal.LogEnd{Failed: true}
	}
	end := journal.LogEnd{Last: last}
	if last > a.After {
		next, err := ap.log.Get(ctx, a.After+1)
		switch {
		case err == nil:
			end.Next = &next
		case !errors.Is(err, journal.ErrGap):
			end.Failed = true
		}
	}
	return end
}

// handle passes a result on to the member.
func (ap *appender) handle(r appendResult) []journal.Action {
	if r.op != ap.op {
		return nil
	}
	if r.readEnd {
		return ap.perform(ap.member.EndRead(ap.now(), r.end))
	}
	return ap.perform(ap.member.AppendReturned(ap.now(), r.passed))
}

// tick lets the member's time pass.
func (ap *appender) tick() []journal.Action { return ap.perform(ap.member.Tick(ap.now())) }

// wake returns how long until the member wants a tick; ok is false if it wants none.
func (ap *appender) wake() (after time.Duration, ok bool) {
	at, ok := ap.member.NextWake()
	return at - ap.now(), ok
}
