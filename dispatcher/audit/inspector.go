package audit

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/subjects"
)

// ErrNoJournal says that there is no journal in JetStream below the prefix asked for.
var ErrNoJournal = journal.ErrAbsent

// Inspector reads the journal of the dispatchers below one prefix. It never
// writes, creates, repairs or cleans anything, and disturbs no dispatcher. Its
// methods may be used concurrently.
type Inspector struct{ log *journal.Reader }

// Open returns an inspector of the journal below prefix, which is as
// [subjects.NewNames] wants it. nc stays the caller's to close. The error
// matches [ErrNoJournal] if there is none, and [ha.ErrInvalid] if the prefix is
// malformed.
func Open(ctx context.Context, nc *nats.Conn, prefix string) (*Inspector, error) {
	names, err := subjects.NewNames(prefix)
	if err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	log, err := journal.OpenReader(ctx, nc, names.Prefix())
	if err != nil {
		return nil, err
	}
	return &Inspector{log}, nil
}

// Stream returns the name of the stream that holds the journal.
func (i *Inspector) Stream() string { return i.log.Stream() }

// Bounds returns the sequences of the first and the last entry; the first is
// one more than the last if there is none.
func (i *Inspector) Bounds(ctx context.Context) (first, last uint64, err error) {
	state, err := i.log.State(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("bounds of journal %s: %w", i.Stream(), err)
	}
	return state.FirstSeq, state.LastSeq, nil
}

// Records calls fn for each record of the journal from the entry with sequence
// from on, in order: one call for each entry that holds no record. If
// entries from there on were cleaned away, it begins with the first that is left. It
// returns nil at what was the journal's end when it was called or, with follow,
// goes on until ctx ends, and then returns its cause. An error of fn ends it and
// is returned as it is. What cannot be decoded is shown as such and does not end it.
func (i *Inspector) Records(ctx context.Context, from uint64, follow bool, fn func(Record) error) error {
	first, last, err := i.Bounds(ctx)
	if err != nil {
		return err
	}
	if follow {
		last = 0
	} else if first > last || from > last {
		return nil
	}
	var sieve journal.Sieve
	return i.log.Read(ctx, max(first, from), last, func(s journal.Stored) error { return records(&sieve, s, fn) })
}
