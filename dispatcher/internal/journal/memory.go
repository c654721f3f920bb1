package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Memory is a [Log] in this process.
//
// With keep it remembers its entries, so that they can be read again, as tests
// and simulations need. Without, it only counts them, because nothing outlives
// the one process that could read them: its memory does not grow.
type Memory struct {
	keep bool

	mu      sync.Mutex
	first   uint64 // sequence of entries[0]
	last    uint64
	entries [][]byte
}

// NewMemory returns an empty log.
func NewMemory(keep bool) *Memory { return &Memory{keep: keep, first: 1} }

// Append implements [Log].
func (m *Memory) Append(ctx context.Context, after uint64, data []byte) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append to memory journal: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if after != m.last {
		return 0, fmt.Errorf("append after %d, last is %d: %w", after, m.last, ErrConflict)
	}
	m.last++
	if m.keep {
		m.entries = append(m.entries, slices.Clone(data))
	}
	return m.last, nil
}

// Read implements [Log].
func (m *Memory) Read(ctx context.Context, from uint64, fn func(Entry) error) error {
	for seq := from; ; seq++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read memory journal: %w", err)
		}
		e, ok := m.at(&seq)
		if !ok {
			return nil
		}
		if err := fn(e); err != nil {
			return err
		}
	}
}

// at returns the entry at seq, or at the first one after it that was not purged.
func (m *Memory) at(seq *uint64) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*seq = max(*seq, m.first)
	i := *seq - m.first
	if i >= uint64(len(m.entries)) {
		return Entry{}, false
	}
	return Entry{Seq: *seq, Data: m.entries[i]}, true
}

// Purge implements [Log].
func (m *Memory) Purge(_ context.Context, before uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before > m.first {
		n := min(before-m.first, uint64(len(m.entries)))
		m.entries = slices.Clone(m.entries[n:])
		m.first += n
	}
	return nil
}

// Kind implements [Log].
func (m *Memory) Kind() string { return "memory" }
