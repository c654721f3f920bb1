package journal

import (
	"context"
	"errors"
)

// ErrConflict refuses an append: its predecessor is not the last entry, so
// another writer has taken over.
var ErrConflict = errors.New("journal: another writer has appended")

// Entry is one appended batch.
type Entry struct {
	// Seq is the entry's place, from 1.
	Seq  uint64
	Data []byte
}

// Log is an append-only log. Its methods may be used concurrently. It keeps no
// reference to data after Append returned.
type Log interface {
	// Append adds data after the entry with sequence after (0: the first) and
	// returns its own sequence once it is durable. The error matches [ErrConflict]
	// where after is not the last entry.
	Append(ctx context.Context, after uint64, data []byte) (seq uint64, err error)
	// Read calls fn for each entry from the sequence from to the last one, in order,
	// until fn returns an error, which Read returns.
	Read(ctx context.Context, from uint64, fn func(Entry) error) error
	// Purge removes the entries before the sequence before.
	Purge(ctx context.Context, before uint64) error
	// Kind names the implementation: "memory".
	Kind() string
}
