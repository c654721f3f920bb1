package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// copyPatience is how long a backup or a restore waits for a journal that does
	// not answer: an election takes up to 10 s.
	copyPatience = 30 * time.Second
	// openTimeout is how long one question for JetStream may take: servers that have no
	// leader yet drop it.
	openTimeout = 2 * time.Second
	// saveAttempts bounds how often a backup begins anew because the journal was
	// cleaned meanwhile. A cleaning follows upon megabytes of changes.
	saveAttempts = 10
)

// ErrNoJournal says that there is no journal in JetStream below the prefix asked for.
var ErrNoJournal = journal.ErrAbsent

// Info describes a backup.
type Info struct {
	// Prefix is that of the dispatchers whose journal it is.
	Prefix string
	// TakenAt is when the backup began. It holds everything acknowledged before.
	TakenAt time.Time
	// Entries is how many entries of the journal it holds, and Bytes its length.
	Entries uint64
	Bytes   int64
	// Epoch is the highest in it.
	Epoch uint64
	// Void is how many entries of the journal were left out, as they have no effect: no
	// dispatcher wrote them at their place.
	Void uint64
	// Missing is how many entries of a damaged journal are not there, or cannot be read; see
	// [SaveDamaged].
	Missing uint64
}

func (i *Info) note(e journal.Entry) { i.Epoch = max(i.Epoch, e.Epoch) }

// Save writes to w what the dispatchers with that prefix, which is as
// [subjects.NewNames] wants it, have in their journal at this moment. They may go on meanwhile. It writes nothing before it has read
// everything, into a temporary file, because it must begin anew if the
// journal is cleaned under its hands.
//
// Errors match [ErrNoJournal] if there is nothing to back up, [ha.ErrInvalid]
// for a bad prefix, and the context's cause if ctx ended. A journal that does
// not answer is given 30 s.
func Save(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (Info, error) {
	info, err := saveBelow(ctx, nc, prefix, w)
	if err != nil {
		return Info{}, fmt.Errorf("back up the journal of %q: %w", prefix, err)
	}
	return info, nil
}

// saveBelow is Save without the operation in its errors.
func saveBelow(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (Info, error) {
	names, err := subjects.NewNames(prefix)
	if err != nil {
		return Info{}, err
	}
	log, err := openToCopy(ctx, nc, names, false)
	if err != nil {
		return Info{}, err
	}
	return save(ctx, log, names.Prefix(), w)
}

// SaveDamaged is Save for a journal that is damaged: it saves every entry that can be read. What
// is restored of that is not a journal that dispatchers go on with.
func SaveDamaged(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (Info, error) {
	info, err := saveDamaged(ctx, nc, prefix, w)
	if err != nil {
		return Info{}, fmt.Errorf("back up the damaged journal of %q: %w", prefix, err)
	}
	return info, nil
}

func saveDamaged(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (Info, error) {
	names, err := subjects.NewNames(prefix)
	if err != nil {
		return Info{}, err
	}
	info := Info{Prefix: names.Prefix(), TakenAt: time.Now().UTC()}
	in, err := journal.OpenReader(ctx, nc, names.Prefix())
	if err != nil {
		return info, err
	}
	state, err := in.State(ctx)
	if err != nil {
		return info, err
	}
	if state.FirstSeq > state.LastSeq {
		return info, fmt.Errorf("it has no entries: %w", ErrNoJournal)
	}
	spool, done, err := tempFile("ha-backup-")
	if err != nil {
		return info, err
	}
	defer done()
	out := newWriter(spool)
	if err := out.begin(header{Prefix: info.Prefix, TakenAt: info.TakenAt, First: state.FirstSeq, Last: state.LastSeq}); err != nil {
		return info, err
	}
	err = in.Read(ctx, state.FirstSeq, state.LastSeq, func(s journal.Stored) error {
		e, err := journal.ReadEntry(s.Seq, s.Data)
		if err != nil {
			return err // of a newer format
		}
		if e.Type == journal.EntryForeign { // others may seem void only because of what is missing
			info.Void++
			return nil
		}
		out.add(e)
		info.note(e)
		return nil
	})
	if err == nil {
		err = out.end()
	}
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(w, spool)
	}
	info.Entries, info.Bytes = out.count, out.bytes
	info.Missing = state.LastSeq - state.FirstSeq + 1 - info.Entries - info.Void
	return info, err
}

// openToCopy opens the journal in JetStream. Unless create is set, one that is
// not there is not made.
func openToCopy(ctx context.Context, nc *nats.Conn, names subjects.Names, create bool) (*journal.JetStream, error) {
	limit, cancel := context.WithTimeout(ctx, copyPatience)
	defer cancel()
	for {
		log, err := tryOpen(limit, nc, names.Prefix(), create)
		if err == nil || !errors.Is(err, journal.ErrUnhealthy) {
			return log, err
		}
		if pause.Sleep(limit, journal.RetryEvery) != nil {
			return nil, errors.Join(err, context.Cause(ctx)) // the latter is nil where it was the patience that ended
		}
	}
}

func tryOpen(ctx context.Context, nc *nats.Conn, prefix string, create bool) (*journal.JetStream, error) {
	limit, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := journal.Usable(limit, nc); err != nil {
		return nil, err
	}
	if !create {
		if _, err := journal.OpenReader(ctx, nc, prefix); err != nil {
			return nil, err
		}
	}
	return journal.OpenJetStream(ctx, nc, journal.JetStreamConfig{Prefix: prefix})
}

// save is Save of any log.
func save(ctx context.Context, log journal.Log, prefix string, w io.Writer) (Info, error) {
	spool, done, err := tempFile("ha-backup-")
	if err != nil {
		return Info{}, err
	}
	defer done()
	for attempt := 1; ; attempt++ {
		info, err := copyLog(ctx, log, prefix, spool)
		if err == nil {
			if _, err = spool.Seek(0, io.SeekStart); err == nil {
				_, err = io.Copy(w, spool)
			}
			if err != nil {
				return Info{}, fmt.Errorf("write backup: %w", err)
			}
			return info, nil
		}
		if !errors.Is(err, journal.ErrGap) || attempt == saveAttempts {
			return Info{}, err
		}
		if _, err := spool.Seek(0, io.SeekStart); err != nil {
			return Info{}, err
		}
		if err := spool.Truncate(0); err != nil {
			return Info{}, err
		}
	}
}

// tempFile returns an empty file and what removes it.
func tempFile(name string) (f *os.File, done func(), err error) {
	f, err = os.CreateTemp("", name)
	if err != nil {
		return nil, nil, fmt.Errorf("temporary file: %w", err)
	}
	return f, func() {
		_ = f.Close() // nobody needs what is in it
		_ = os.Remove(f.Name())
	}, nil
}

// errCopied ends the following of the log.
var errCopied = errors.New("copied")

// copyLog makes one attempt. It fails with [journal.ErrGap] if the log was
// cleaned since its bounds were asked for: what is left then ends within what
// the entries purged were replaced by.
func copyLog(ctx context.Context, log journal.Log, prefix string, w io.Writer) (Info, error) {
	info := Info{Prefix: prefix, TakenAt: time.Now().UTC()}
	first, last, err := log.Bounds(ctx)
	if err != nil {
		return info, err
	}
	if first > last {
		return info, fmt.Errorf("it has no entries: %w", ErrNoJournal)
	}
	out := newWriter(w)
	if err := out.begin(header{Prefix: prefix, TakenAt: info.TakenAt, First: first, Last: last}); err != nil {
		return info, err
	}
	guarded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(copyPatience, func() {
		cancel(fmt.Errorf("the journal has shown no entry for %s", copyPatience))
	})
	defer stalled.Stop()
	next := first
	var sieve journal.Sieve
	err = log.Follow(guarded, first, func(e journal.Entry) error {
		if e.Seq != next {
			return fmt.Errorf("entry %d came in place of %d: %w", e.Seq, next, journal.ErrGap)
		}
		stalled.Reset(copyPatience)
		void, err := sieve.Judge(e)
		if err != nil {
			return err
		}
		if void != "" {
			info.Void++
		} else {
			out.add(e)
			info.note(e)
		}
		if next++; e.Seq == last {
			return errCopied
		}
		return nil
	})
	if !errors.Is(err, errCopied) {
		return info, err
	}
	if err := out.end(); err != nil {
		return info, fmt.Errorf("temporary file: %w", err)
	}
	info.Entries, info.Bytes = out.count, out.bytes
	return info, nil
}
