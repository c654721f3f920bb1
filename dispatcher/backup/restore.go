package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// ErrJournalNotEmpty refuses to restore a backup into a journal that has other
// entries than those of the backup.
var ErrJournalNotEmpty = errors.New("the journal is not empty")

// restorer is the node that a restore writes as. No dispatcher can have this name.
const restorer = "ha.restore"

// Restore appends the entries of the backup in r to the journal of the
// dispatchers with that prefix, which must not have any. No dispatcher may run
// there before it has ended: it would begin the journal itself. r is read to its
// end and checked before anything is written, and then again from where it was;
// unless it is an [io.Seeker] that can seek, it goes into a temporary file first.
//
// A restore that broke off is repeated to go on: the first entries may be the
// same as the backup's. To the backup's entries it adds a claim and a
// handover. Their epoch is higher than any that workers can have seen since the
// backup was taken, so that they obey the next leader; and the first standby
// claims at once.
//
// Errors match [ErrInvalid], [ErrJournalNotEmpty], [ha.ErrInvalid] for a
// bad prefix, and the context's cause if ctx ended. Only the last, and a
// journal that does not answer for 30 s, can leave a part of the backup in it.
func Restore(ctx context.Context, nc *nats.Conn, prefix string, r io.Reader) (Info, error) {
	fail := func(err error) (Info, error) {
		return Info{}, fmt.Errorf("restore the journal of %q: %w", prefix, err)
	}
	// Before the journal is opened, as that may create it.
	src, done, err := checkBackup(r)
	if err != nil {
		return fail(err)
	}
	defer done()
	names, err := subjects.NewNames(prefix)
	if err != nil {
		return fail(err)
	}
	log, err := openToCopy(ctx, nc, names, true)
	if err != nil {
		return fail(err)
	}
	if most := log.MaxData(); src.longest > most {
		return fail(fmt.Errorf("the backup has an entry of %d bytes, this NATS server carries %d: raise its max_payload", src.longest, most))
	}
	if err := restore(ctx, log, src); err != nil {
		return fail(err)
	}
	return src.info, nil
}

// source is a backup that can be read more than once, and was once.
type source struct {
	io.ReadSeeker
	start int64
	info  Info
	// longest is the length in bytes of the longest data of an entry.
	longest int
	// last is the last entry, without its data.
	last journal.Entry
}

// checkBackup reads all of r. done is to be called when the source is no longer
// needed.
func checkBackup(r io.Reader) (src source, done func(), err error) {
	src, done, err = twiceReadable(r)
	if err != nil {
		return src, nil, err
	}
	src.info, err = src.each(func(e journal.Entry) error {
		src.longest = max(src.longest, len(e.Data))
		src.last, src.last.Data = e, nil
		return nil
	})
	if err != nil {
		done()
	}
	return src, done, err
}

// twiceReadable returns r as a source that was not read yet.
func twiceReadable(r io.Reader) (s source, done func(), err error) {
	if rs, ok := r.(io.ReadSeeker); ok {
		if start, err := rs.Seek(0, io.SeekCurrent); err == nil {
			return source{ReadSeeker: rs, start: start}, func() {}, nil
		}
	}
	spool, done, err := tempFile("ha-restore-")
	if err != nil {
		return source{}, nil, err
	}
	if _, err := io.Copy(spool, r); err != nil {
		done()
		return source{}, nil, fmt.Errorf("copy backup to a temporary file: %w", err)
	}
	return source{ReadSeeker: spool}, done, nil
}

// each calls fn for every entry of the backup, from its start.
func (s source) each(fn func(journal.Entry) error) (Info, error) {
	if _, err := s.Seek(s.start, io.SeekStart); err != nil {
		return Info{}, fmt.Errorf("read backup: %w", err)
	}
	in := newReader(s)
	if err := in.begin(); err != nil {
		return Info{}, err
	}
	info := Info{Prefix: in.head.Prefix, TakenAt: in.head.TakenAt}
	for {
		e, err := in.next()
		if errors.Is(err, io.EOF) {
			info.Entries, info.Bytes = in.count, in.bytes
			return info, nil
		}
		if err == nil {
			info.note(e)
			err = fn(e)
		}
		if err != nil {
			return Info{}, err
		}
	}
}

// restore is Restore into any log.
func restore(ctx context.Context, log journal.Log, src source) error {
	present, err := compare(ctx, log, src)
	if err != nil {
		return err
	}
	_, err = src.each(func(e journal.Entry) error {
		if e.Seq <= present {
			return nil
		}
		return appendSurely(ctx, log, e)
	})
	if err != nil {
		return err
	}
	return claimAndHandOver(ctx, log, src.info, src.last)
}

// compare returns how many entries of the backup the log has already. Having
// any others is an error.
func compare(ctx context.Context, log journal.Log, src source) (present uint64, err error) {
	first, last, err := log.Bounds(ctx)
	if err != nil {
		return 0, err
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s; restore into one without entries, before a dispatcher runs there", ErrJournalNotEmpty, fmt.Sprintf(format, args...))
	}
	if last == 0 {
		return 0, nil
	}
	if first > 1 {
		return 0, refuse("entries up to %d have been in it", last)
	}
	for seq := src.info.Entries + 1; seq <= last; seq++ { // those of a restore that ended, or nearly
		e, err := log.Get(ctx, seq)
		if err != nil {
			return 0, err
		}
		if e.Node != restorer {
			return 0, refuse("entry %d is not from the backup", seq)
		}
	}
	_, err = src.each(func(want journal.Entry) error {
		if want.Seq > last {
			return nil
		}
		got, err := log.Get(ctx, want.Seq)
		if err != nil {
			return err
		}
		if !bytes.Equal(journal.AppendEntry(nil, got), journal.AppendEntry(nil, want)) {
			return refuse("entry %d differs from the backup's", want.Seq)
		}
		present = want.Seq
		return nil
	})
	if err == nil && last == src.info.Entries {
		// It may as well be the journal that the backup was taken from, and have a leader.
		err = refuse("it has the very entries of the backup")
	}
	return present, err
}

// appendSurely appends e at its place, and finds out what became of an append
// whose outcome is unknown.
func appendSurely(ctx context.Context, log journal.Log, e journal.Entry) error {
	ctx, cancel := context.WithTimeoutCause(ctx, copyPatience, fmt.Errorf("the journal did not take entry %d within %s", e.Seq, copyPatience))
	defer cancel()
	for {
		_, err := log.Append(ctx, e.Seq-1, e)
		if err == nil {
			return nil
		}
		got, getErr := log.Get(ctx, e.Seq)
		switch {
		case getErr == nil && got.Same(e):
			return nil
		case getErr == nil:
			return fmt.Errorf("%w any more: somebody else has written entry %d; stop the dispatchers, and restore into a new one",
				ErrJournalNotEmpty, e.Seq)
		}
		if pause.Sleep(ctx, journal.RetryEvery) != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// claimAndHandOver appends the claim and the handover behind the backup's last entry, if they
// are not there yet.
func claimAndHandOver(ctx context.Context, log journal.Log, info Info, before journal.Entry) error {
	_, last, err := log.Bounds(ctx)
	if err != nil {
		return err
	}
	claim := journal.Entry{
		Seq: info.Entries + 1, Format: before.Format, Type: journal.EntryClaim, Epoch: max(info.Epoch+1, epochByClock(time.Now())),
		Node: restorer, Nonce: rand.Uint64(), Clock: before.Clock,
	}
	if claim.Format >= 2 {
		// What was written after the backup is lost on purpose.
		claim.Prev, claim.AcceptsLoss = before.Name(), true
	}
	if last >= claim.Seq {
		if claim, err = log.Get(ctx, claim.Seq); err != nil {
			return err
		}
	} else if err := appendSurely(ctx, log, claim); err != nil {
		return err
	}
	end := claim
	end.Seq, end.Type, end.Number = claim.Seq+1, journal.EntryHandover, 1
	end.Prev, end.AcceptsLoss = journal.Name{}, false
	if last >= end.Seq {
		return nil
	}
	return appendSurely(ctx, log, end)
}

// epochByClock is the seconds since 2026. Epochs rise by one at a change of
// leader, which comes less than once a second: so they do not overtake it.
func epochByClock(now time.Time) uint64 {
	return uint64(max(0, now.Unix()-time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()))
}
