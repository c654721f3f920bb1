package journal

import (
	"context"
	"errors"
)

// What an append can meet. Everything that is not ErrConflict leaves the outcome
// unknown: the entry may be in the log, now or in a moment, or not.
var (
	// ErrConflict refuses an append for certain: the entry it names is not the
	// last one. On the way to a log that replicates it may also mean that an
	// earlier attempt of the same append has passed.
	ErrConflict = errors.New("journal: not the last entry any more")
	// ErrGap says that the entries asked for have been purged meanwhile: the reader
	// starts again from the first.
	ErrGap = errors.New("journal: entries were purged before they were read")
	// ErrNewer refuses an entry of a format that only a newer binary reads.
	ErrNewer = errors.New("journal: written by a newer version")
	// ErrCorrupt says that bytes are not an entry, or that entries are missing.
	ErrCorrupt = errors.New("journal: corrupt entry")
)

// Log is an append-only log that any number of processes share. Its methods may
// be used concurrently.
type Log interface {
	// Append adds e after the entry with sequence after (0: as the first ever) and
	// returns its sequence, which is after+1, once it is durable. It keeps no
	// reference to e.Data after it returned. Errors: [ErrConflict], or any other,
	// after which the outcome is unknown. ctx bounds the wait.
	Append(ctx context.Context, after uint64, e Entry) (seq uint64, err error)
	// Bounds returns the sequences of the first and the last entry as the log's own
	// leader knows them; last+1 and last if every entry was purged, 1 and 0
	// if there never was one.
	Bounds(ctx context.Context) (first, last uint64, err error)
	// Get returns the entry at seq from the log's own leader, which is [EntryForeign] if it
	// cannot be decoded. The error matches [ErrGap] if there is none, and [ErrNewer] if only a
	// newer version of this program reads it.
	Get(ctx context.Context, seq uint64) (Entry, error)
	// Follow calls fn for every entry from the sequence from on, in order and
	// without a gap, and goes on as new ones come, until ctx ends or fn returns an
	// error, either of which it returns. What cannot be decoded is given as [EntryForeign]; an
	// entry that only a newer version reads ends it with [ErrNewer]. If from was purged already, it begins
	// with the first entry there is if from is 1, and returns [ErrGap] otherwise.
	Follow(ctx context.Context, from uint64, fn func(Entry) error) error
	// Purge removes the entries before the sequence before.
	Purge(ctx context.Context, before uint64) error
	// Size returns the bytes the log takes where it is kept.
	Size(ctx context.Context) (bytes uint64, err error)
	// Name returns what keeps the log: "memory" or "jetstream".
	Name() string
	// EpochFloor returns an epoch that the first claim on an empty log must exceed.
	EpochFloor() uint64
}
