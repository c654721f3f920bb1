package dispatcher

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
	// askAgain is how long one question for JetStream may take: servers that have no
	// leader yet drop it.
	askAgain = 2 * time.Second
	// backupAttempts bounds how often a backup begins anew because the journal was
	// cleaned meanwhile. A cleaning follows upon megabytes of changes.
	backupAttempts = 10
)

// BackupInfo describes a backup.
type BackupInfo struct {
	// Prefix is that of the dispatchers whose journal it is.
	Prefix string
	// TakenAt is when the backup began. It holds everything acknowledged before.
	TakenAt time.Time
	// Entries is how many entries of the journal it holds, and Bytes its length.
	Entries uint64
	Bytes   int64
	// Epoch is the highest in it.
	Epoch uint64
}

func (i *BackupInfo) note(e journal.Entry) { i.Epoch = max(i.Epoch, e.Epoch) }

// Backup writes to w what the dispatchers with that prefix have in their journal
// at this moment. They may go on meanwhile. It writes nothing before it has read
// everything, into a temporary file, because it must begin anew where the
// journal is cleaned under its hands.
//
// Errors match [ErrNoJournal] where there is nothing to back up, [ha.ErrInvalid]
// for a bad prefix, and the context's cause where ctx ended. A journal that does
// not answer is given 30 s.
func Backup(ctx context.Context, nc *nats.Conn, prefix string, w io.Writer) (BackupInfo, error) {
	log, err := openToCopy(ctx, nc, prefix, false)
	if err == nil {
		var info BackupInfo
		if info, err = backUp(ctx, log, prefix, w); err == nil {
			return info, nil
		}
	}
	return BackupInfo{}, fmt.Errorf("back up the journal of %q: %w", prefix, err)
}

// openToCopy opens the journal in JetStream. Unless create is set, one that is
// not there is not made.
func openToCopy(ctx context.Context, nc *nats.Conn, prefix string, create bool) (*journal.JetStream, error) {
	if _, err := subjects.NewNames(prefix); err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, copyPatience)
	defer cancel()
	for {
		log, err := tryOpen(limit, nc, prefix, create)
		if err == nil || !errors.Is(err, journal.ErrUnhealthy) {
			return log, err
		}
		if pause.Sleep(limit, openRetry) != nil {
			return nil, errors.Join(err, context.Cause(ctx)) // the latter is nil where it was the patience that ended
		}
	}
}

func tryOpen(ctx context.Context, nc *nats.Conn, prefix string, create bool) (*journal.JetStream, error) {
	limit, cancel := context.WithTimeout(ctx, askAgain)
	defer cancel()
	if err := journal.Available(limit, nc); err != nil {
		return nil, err
	}
	if err := journal.CheckServer(nc); err != nil {
		return nil, err
	}
	if !create {
		if _, err := OpenInspector(ctx, nc, prefix); err != nil {
			return nil, err
		}
	}
	return journal.OpenJetStream(ctx, nc, journal.JetStreamConfig{Prefix: prefix})
}

// backUp is Backup of any log.
func backUp(ctx context.Context, log journal.Log, prefix string, w io.Writer) (BackupInfo, error) {
	spool, done, err := tempFile("ha-backup-")
	if err != nil {
		return BackupInfo{}, err
	}
	defer done()
	for attempt := 1; ; attempt++ {
		info, err := copyLog(ctx, log, prefix, spool)
		if err == nil {
			if _, err = spool.Seek(0, io.SeekStart); err == nil {
				_, err = io.Copy(w, spool)
			}
			if err != nil {
				return BackupInfo{}, fmt.Errorf("write backup: %w", err)
			}
			return info, nil
		}
		if !errors.Is(err, journal.ErrGap) || attempt == backupAttempts {
			return BackupInfo{}, err
		}
		if _, err := spool.Seek(0, io.SeekStart); err != nil {
			return BackupInfo{}, err
		}
		if err := spool.Truncate(0); err != nil {
			return BackupInfo{}, err
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

// copyLog makes one attempt. It fails with [journal.ErrGap] where the log was
// cleaned since its bounds were asked for: what is left then ends within what
// the entries purged were replaced by.
func copyLog(ctx context.Context, log journal.Log, prefix string, w io.Writer) (BackupInfo, error) {
	info := BackupInfo{Prefix: prefix, TakenAt: time.Now().UTC()}
	first, last, err := log.Bounds(ctx)
	if err != nil {
		return info, err
	}
	if first > last {
		return info, fmt.Errorf("it has no entries: %w", ErrNoJournal)
	}
	out := newBackupWriter(w)
	if err := out.begin(backupHeader{Prefix: prefix, TakenAt: info.TakenAt, First: first, Last: last}); err != nil {
		return info, err
	}
	guarded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(copyPatience, func() {
		cancel(fmt.Errorf("the journal has shown no entry for %s", copyPatience))
	})
	defer stalled.Stop()
	next := first
	err = log.Follow(guarded, first, func(e journal.Entry) error {
		if e.Seq != next {
			return fmt.Errorf("entry %d came in place of %d: %w", e.Seq, next, journal.ErrGap)
		}
		stalled.Reset(copyPatience)
		out.add(e)
		info.note(e)
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
