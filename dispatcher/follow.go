package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/internal/pause"
)

// followRetry is how long a standby waits before it tries again to read a
// journal that does not answer.
const followRetry = 250 * time.Millisecond

// errRestart ends a term whose state must be built anew from the journal.
var errRestart = errors.New("the state must be read again")

// journalRead is what readJournal sends to the loop: an entry, the sequence at which
// the journal ended when it began, or an error that ends the following.
type journalRead struct {
	entry journal.Entry
	end   *uint64
	err   error
}

// follow reads the journal as a standby until this dispatcher leads, ctx ends,
// or the term is over; the member's role tells the first two apart.
func (l *loop) follow(ctx context.Context, closed <-chan nats.Status) error {
	following, cancel := context.WithCancel(l.appender.ctx)
	defer cancel()
	reads := make(chan journalRead, 64)
	l.appender.wg.Go(func() { readJournal(following, l.log, reads, l.d.health.set) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	end := ^uint64(0)
	l.d.member.set(l.member) // what it was in the last term, it is no more
	for !l.won {
		if wait, ok := l.appender.wake(); ok {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		var actions []journal.Action
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return nats.ErrConnectionClosed
		case a := <-l.appender.results:
			actions = l.appender.handle(a)
		case <-timer.C:
			actions = l.appender.tick()
		case r := <-reads:
			var err error
			if actions, err = l.handleRead(r, &end); err != nil {
				return err
			}
		}
		l.act(actions)
		l.d.member.set(l.member)
	}
	return nil
}

// handleRead takes what readJournal sends. Once the journal's end is reached, the
// member may claim.
func (l *loop) handleRead(r journalRead, end *uint64) ([]journal.Action, error) {
	var actions []journal.Action
	switch {
	case errors.Is(r.err, journal.ErrGap):
		return nil, errRestart
	case r.err != nil:
		return nil, r.err
	case r.end != nil:
		*end = *r.end
	default:
		apply, asked := l.member.Followed(l.appender.now(), r.entry)
		if apply {
			was := l.core.SnapshotStats()
			if err := applyEntry(l.core, r.entry.Data); err != nil {
				return nil, fmt.Errorf("journal entry %d: %w", r.entry.Seq, err)
			}
			l.cleaner.followed(r.entry.Seq, entryBytes(len(r.entry.Data)), was, l.core.SnapshotStats())
		}
		actions = l.appender.perform(asked)
	}
	if l.member.Position() >= *end && !l.won {
		*end = ^uint64(0)
		if l.core.Loading() {
			return nil, fmt.Errorf("journal ends at entry %d within a snapshot: %w", l.member.Position(), record.ErrCorrupt)
		}
		actions = append(actions, l.appender.perform(l.member.CaughtUp(l.appender.now()))...)
	}
	return actions, nil
}

// applyEntry applies the records of one entry's data.
func applyEntry(c *core.Core, data []byte) error {
	records, err := record.Open(data)
	if errors.Is(err, record.ErrNewer) {
		err = fmt.Errorf("%w: %w", err, journal.ErrNewer)
	}
	if err != nil {
		return err
	}
	return c.Replay(records)
}

// readJournal sends every entry of the log, from the first that there is, until ctx
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
	first, end, err := bounds(ctx, log, health)
	if err == nil {
		err = show(journalRead{end: &end})
	}
	next := uint64(1)
	for err == nil {
		err = log.Follow(ctx, next, func(e journal.Entry) error {
			if next == 1 && e.Seq > first {
				// Cleaned since then: that end may now lie within the snapshot at the beginning.
				return journal.ErrGap
			}
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

// bounds asks for the journal's first and last sequence until it answers. A journal
// that had entries and holds none is refused: going on would be a restart from
// nothing.
func bounds(ctx context.Context, log journal.Log, health func(error)) (first, last uint64, err error) {
	for {
		limit, cancel := context.WithTimeout(ctx, readEndTimeout)
		first, last, err := log.Bounds(limit)
		cancel()
		if err == nil {
			health(nil)
			if first > last && last > 0 {
				return 0, 0, fmt.Errorf("the journal has lost its entries, the last was %d: restore a backup,"+
					" or remove the stream to begin with nothing: %w", last, journal.ErrCorrupt)
			}
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
