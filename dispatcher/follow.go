package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/internal/pause"
)

// followRetry is how long a standby waits before it tries again to read a
// journal that does not answer.
const followRetry = 250 * time.Millisecond

// journalRead is what readJournal sends to the loop: where the journal begins and ends, an
// entry, or an error that ends the following.
type journalRead struct {
	bounds *journalBounds
	entry  journal.Entry
	end    *uint64 // where the journal ends now; see askEnd
	err    error
}

type journalBounds struct{ first, last uint64 }

// follow reads the journal as a standby until this dispatcher leads, ctx ends,
// or the term is over; what the term won tells the first two apart.
func (l *loop) follow(ctx context.Context, closed <-chan nats.Status) error {
	following, cancel := context.WithCancel(l.appender.ctx)
	defer cancel()
	reads := make(chan journalRead, 64)
	l.appender.wg.Go(func() { readJournal(following, l.log, reads, l.d.health.set) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	again := time.NewTicker(askEndEvery)
	defer again.Stop()
	position := uint64(0)  // at the last look
	standing := false      // that it stands by was logged
	l.d.member.set(l.term) // what it was in the last term, it is no more
	for !l.term.Won() {
		if wait, ok := l.term.Wake(); ok {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return nats.ErrConnectionClosed
		case a := <-l.appender.answers:
			l.term.Answered(a)
		case <-timer.C:
			l.term.Tick()
		case r := <-reads:
			if err := l.handleRead(r); err != nil {
				return err
			}
		case <-l.d.peers.raised:
			l.term.Heard(l.d.knownMark())
		case <-again.C:
			if now := l.term.Position(); now != position || l.term.Reached() {
				position = now
				continue
			}
			l.appender.wg.Go(func() { askEnd(following, l.log, reads) })
		}
		if l.term.Role() == journal.RoleDeposed {
			return fmt.Errorf("the journal is not the one that was read: %w", term.ErrRestart)
		}
		l.show()
		if !standing && l.term.Reached() && l.term.Role() == journal.RoleStandby {
			standing = true
			l.d.cfg.Log.Info().Uint64("position", l.term.Position()).Uint64("epoch", uint64(l.term.Epoch())).Msg("standing by, ready to take over")
		}
	}
	return nil
}

// handleRead takes what readJournal sends.
func (l *loop) handleRead(r journalRead) error {
	switch {
	case errors.Is(r.err, journal.ErrGap):
		return term.ErrRestart
	case r.err != nil:
		return r.err
	case r.bounds != nil:
		if err := l.term.Bounds(r.bounds.first, r.bounds.last); err != nil {
			return fmt.Errorf("follow the journal: %w", err)
		}
		return nil
	case r.end != nil:
		if err := l.term.EndMoved(*r.end); err != nil {
			return fmt.Errorf("follow the journal: %w", err)
		}
		return nil
	}
	return l.term.Follow(r.entry)
}

// askEndEvery is how often a standby that has not come to the journal's end, and reads nothing
// more, looks where that is now.
const askEndEvery = 3 * time.Second

// askEnd sends where the journal ends now, once.
func askEnd(ctx context.Context, log journal.Log, reads chan<- journalRead) {
	limit, cancel := context.WithTimeout(ctx, readEndTimeout)
	defer cancel()
	_, last, err := log.Bounds(limit)
	if err != nil {
		return // it is asked again
	}
	select {
	case reads <- journalRead{end: &last}:
	case <-ctx.Done():
	}
}

// readJournal sends the bounds of the log and then every entry, from the first that there is, until ctx
// ends or the log cannot be followed. While it does not answer, readJournal tries again.
func readJournal(ctx context.Context, log journal.Log, reads chan<- journalRead, health func(error)) {
	show := func(r journalRead) error {
		select {
		case reads <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	first, last, err := bounds(ctx, log, health)
	if err == nil {
		err = show(journalRead{bounds: &journalBounds{first, last}})
	}
	next := uint64(1)
	for err == nil {
		err = log.Follow(ctx, next, func(e journal.Entry) error {
			next = e.Seq + 1
			health(nil) // whatever failed before, it answers
			return show(journalRead{entry: e})
		})
		if final(err) || ctx.Err() != nil {
			break
		}
		health(err)
		err = pause.Sleep(ctx, followRetry)
	}
	if ctx.Err() == nil {
		_ = show(journalRead{err: fmt.Errorf("follow the journal: %w", err)}) // ctx ended meanwhile: nobody listens
	}
}

// final reports whether following again cannot help.
func final(err error) bool {
	return errors.Is(err, journal.ErrGap) || errors.Is(err, journal.ErrNewer) || errors.Is(err, journal.ErrCorrupt) ||
		errors.Is(err, journal.ErrReplaced)
}

// bounds asks for the journal's first and last sequence until it answers.
func bounds(ctx context.Context, log journal.Log, health func(error)) (first, last uint64, err error) {
	for {
		limit, cancel := context.WithTimeout(ctx, readEndTimeout)
		first, last, err := log.Bounds(limit)
		cancel()
		if err == nil {
			health(nil)
			return first, last, nil
		}
		if final(err) {
			return 0, 0, err
		}
		if ctx.Err() == nil {
			health(err)
		}
		if err := pause.Sleep(ctx, followRetry); err != nil {
			return 0, 0, err
		}
	}
}
