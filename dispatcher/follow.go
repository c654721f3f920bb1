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
)

// followRetry is how long a standby waits before it tries again to read a
// journal that does not answer.
const followRetry = 250 * time.Millisecond

// errRestart ends a term whose state must be built anew from the journal.
var errRestart = errors.New("the state must be read again")

// sight is what the follower shows the loop: an entry, the sequence at which
// the journal ended when it began, or an error that ends the following.
type sight struct {
	entry journal.Entry
	end   *uint64
	err   error
}

// stand follows the journal as a standby until this dispatcher leads, ctx ends,
// or the term is over; the member's role tells the first two apart.
func (l *loop) stand(ctx context.Context, closed <-chan nats.Status) error {
	following, cancel := context.WithCancel(l.scribe.ctx)
	defer cancel()
	sights := make(chan sight, 64)
	l.scribe.wg.Go(func() { follow(following, l.log, sights, l.d.health.set) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	end := ^uint64(0)
	l.d.place.set(l.member) // what it was in the last term, it is no more
	for !l.won {
		if wait, ok := l.scribe.wake(); ok {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		var news []journal.Action
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return nats.ErrConnectionClosed
		case a := <-l.scribe.answers:
			news = l.scribe.heard(a)
		case <-timer.C:
			news = l.scribe.tick()
		case s := <-sights:
			var err error
			if news, err = l.saw(s, &end); err != nil {
				return err
			}
		}
		l.act(news)
		l.d.place.set(l.member)
	}
	return nil
}

// saw takes what the follower shows. Once the journal's end is reached, the
// member may claim.
func (l *loop) saw(s sight, end *uint64) ([]journal.Action, error) {
	var news []journal.Action
	switch {
	case errors.Is(s.err, journal.ErrGap):
		return nil, errRestart
	case s.err != nil:
		return nil, s.err
	case s.end != nil:
		*end = *s.end
	default:
		apply, actions := l.member.Followed(l.scribe.now(), s.entry)
		if apply {
			was := l.core.Passed()
			if err := applyEntry(l.core, s.entry.Data); err != nil {
				return nil, fmt.Errorf("journal entry %d: %w", s.entry.Seq, err)
			}
			l.cleaner.followed(s.entry.Seq, entryBytes(len(s.entry.Data)), was, l.core.Passed())
		}
		news = l.scribe.perform(actions)
	}
	if l.member.Position() >= *end && !l.won {
		*end = ^uint64(0)
		if l.core.Loading() {
			return nil, fmt.Errorf("journal ends at entry %d within a snapshot: %w", l.member.Position(), record.ErrCorrupt)
		}
		news = append(news, l.scribe.perform(l.member.CaughtUp(l.scribe.now()))...)
	}
	return news, nil
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

// follow shows every entry of the log, from the first that there is, until ctx
// ends or the log cannot be followed. While it does not answer, follow tries on.
func follow(ctx context.Context, log journal.Log, sights chan<- sight, health func(error)) {
	show := func(s sight) error {
		select {
		case sights <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	first, end, err := bounds(ctx, log, health)
	if err == nil {
		err = show(sight{end: &end})
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
			return show(sight{entry: e})
		})
		if final(err) || ctx.Err() != nil {
			break
		}
		health(err)
		err = journal.Pause(ctx, followRetry)
	}
	if ctx.Err() == nil {
		_ = show(sight{err: fmt.Errorf("follow the journal: %w", err)}) // ctx ended meanwhile: nobody listens
	}
}

// final tells whether following again cannot help.
func final(err error) bool {
	return errors.Is(err, journal.ErrGap) || errors.Is(err, journal.ErrNewer) || errors.Is(err, journal.ErrCorrupt) ||
		errors.Is(err, journal.ErrReplaced)
}

// bounds asks for the journal's first and last sequence until it answers. A journal
// that had entries and holds none is refused: going on would be a restart from
// nothing.
func bounds(ctx context.Context, log journal.Log, health func(error)) (first, last uint64, err error) {
	for {
		limit, cancel := context.WithTimeout(ctx, lookTimeout)
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
		if err := journal.Pause(ctx, followRetry); err != nil {
			return 0, 0, err
		}
	}
}
