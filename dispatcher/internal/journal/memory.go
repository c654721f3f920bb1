package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Memory is a [Log] in this process: it ends with it.
type Memory struct {
	floor uint64

	mu      sync.Mutex
	first   uint64 // sequence of entries[0]
	entries []Entry
	grown   chan struct{} // closed at the next append
}

// NewMemory returns an empty log. Its first epoch is a time, milliseconds since
// 2026, so that it exceeds the epochs of the process before, and workers that
// have seen those obey it.
func NewMemory() *Memory {
	since := time.Since(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return NewMemoryAt(uint64(max(0, since.Milliseconds())))
}

// NewMemoryAt returns an empty log whose first epoch must exceed floor.
func NewMemoryAt(floor uint64) *Memory {
	return &Memory{floor: floor, first: 1, grown: make(chan struct{})}
}

// Append implements [Log].
func (m *Memory) Append(ctx context.Context, after uint64, e Entry) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append to memory journal: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := m.last(); after != last {
		return 0, fmt.Errorf("append after %d, last is %d: %w", after, last, ErrConflict)
	}
	e.Seq, e.Data = after+1, slices.Clone(e.Data)
	m.entries = append(m.entries, e)
	close(m.grown)
	m.grown = make(chan struct{})
	return e.Seq, nil
}

func (m *Memory) last() uint64 { return m.first + uint64(len(m.entries)) - 1 }

// Bounds implements [Log].
func (m *Memory) Bounds(context.Context) (first, last uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first, m.last(), nil
}

// Get implements [Log]. The caller must not change the data.
func (m *Memory) Get(_ context.Context, seq uint64) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seq < m.first || seq > m.last() {
		return Entry{}, fmt.Errorf("get entry %d: the log holds %d to %d: %w", seq, m.first, m.last(), ErrGap)
	}
	return m.entries[seq-m.first], nil
}

// Follow implements [Log].
func (m *Memory) Follow(ctx context.Context, from uint64, fn func(Entry) error) error {
	for {
		piece, grown, err := m.from(from)
		if err != nil {
			return err
		}
		for _, e := range piece {
			if ctx.Err() != nil {
				break
			}
			if err := fn(e); err != nil {
				return err
			}
			from = e.Seq + 1
		}
		if len(piece) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("follow memory journal: %w", context.Cause(ctx))
		case <-grown:
		}
	}
}

// from returns a piece of the entries from seq on, and what is closed when there
// are more.
func (m *Memory) from(seq uint64) ([]Entry, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case seq <= 1:
		seq = m.first
	case seq < m.first:
		return nil, nil, fmt.Errorf("follow from %d: the log begins at %d: %w", seq, m.first, ErrGap)
	}
	if seq > m.last() {
		return nil, m.grown, nil
	}
	const most = 1024 // so that a long log is not copied whole
	piece := m.entries[seq-m.first:]
	return slices.Clone(piece[:min(len(piece), most)]), m.grown, nil
}

// Purge implements [Log]. The last entry stays, as it does in JetStream.
func (m *Memory) Purge(_ context.Context, before uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before = min(before, m.last()); before > m.first {
		n := before - m.first
		m.entries = slices.Clone(m.entries[n:])
		m.first += n
	}
	return nil
}

// Size implements [Log].
func (m *Memory) Size(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := uint64(0)
	for _, e := range m.entries {
		size += uint64(len(e.Data) + len(e.Node) + 64)
	}
	return size, nil
}

// Name implements [Log].
func (m *Memory) Name() string { return "memory" }

// EpochFloor implements [Log].
func (m *Memory) EpochFloor() uint64 { return m.floor }
