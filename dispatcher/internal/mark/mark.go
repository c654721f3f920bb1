package mark

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Position is a place in the journal: the sequence of an entry, and its epoch.
type Position struct{ Seq, Epoch uint64 }

// Compare orders positions by epoch, and those of one epoch by sequence.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, o.Epoch), cmp.Compare(p.Seq, o.Seq))
}

// IsZero reports whether p is no position.
func (p Position) IsZero() bool { return p == Position{} }

// ErrInUse says that another process keeps the same mark.
var ErrInUse = errors.New("another dispatcher uses it")

const (
	// slotSize is the length of a slot. There are two, written in turn, so that a write that
	// was cut off spares the one before.
	slotSize = 64
	magic    = "ha-mark\x01"
	// syncEvery is how often the file is synced.
	syncEvery = time.Second
)

// File is an open mark. Its methods may be used concurrently.
type File struct {
	path string
	quit chan struct{}
	done chan struct{}

	mu     sync.Mutex
	file   *os.File
	last   Position
	writes uint64
	dirty  bool
	err    error // of the last write or sync
}

// Open opens the mark of the journal below a prefix in a directory, which it makes. It keeps
// others from opening it until Close. The error matches [ErrInUse] if somebody else has it
// open; a file that is no mark is an error, too.
func Open(dir, prefix string) (*File, error) {
	fail := func(err error) (*File, error) {
		return nil, fmt.Errorf("open the mark of the journal in %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // #nosec G703 -- the operator names it
		return fail(err)
	}
	path := filepath.Join(dir, "ha-"+strings.ReplaceAll(prefix, ".", "_")+".mark")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 G703 -- in the directory that the operator named
	if err != nil {
		return fail(err)
	}
	m := &File{path: path, file: file, quit: make(chan struct{}), done: make(chan struct{})}
	if err = lock(file); err == nil {
		err = m.read()
	}
	if err != nil {
		return fail(errors.Join(err, file.Close()))
	}
	go m.keepSynced()
	return m, nil
}

// Path returns the path of the file.
func (m *File) Path() string { return m.path }

// read reads the newer one of the slots.
func (m *File) read() error {
	b := make([]byte, 2*slotSize)
	n, _ := m.file.ReadAt(b, 0) // a short file has a slot less, or none
	found := false
	for slot := b[:n]; len(slot) >= slotSize; slot = slot[slotSize:] {
		if p, writes, ok := decode(slot[:slotSize]); ok && (!found || writes > m.writes) {
			found, m.last, m.writes = true, p, writes
		}
	}
	if !found && n > 0 && strings.Trim(string(b[:n]), "\x00") != "" {
		return fmt.Errorf("%s is damaged: if the journal is known to be whole, remove the file", m.path)
	}
	return nil
}

func encode(p Position, writes uint64) []byte {
	b := make([]byte, slotSize)
	copy(b, magic)
	binary.BigEndian.PutUint64(b[8:], p.Seq)
	binary.BigEndian.PutUint64(b[16:], p.Epoch)
	binary.BigEndian.PutUint64(b[24:], writes)
	binary.BigEndian.PutUint32(b[slotSize-4:], crc32.ChecksumIEEE(b[:slotSize-4]))
	return b
}

func decode(b []byte) (p Position, writes uint64, ok bool) {
	if string(b[:8]) != magic || binary.BigEndian.Uint32(b[slotSize-4:]) != crc32.ChecksumIEEE(b[:slotSize-4]) {
		return p, 0, false
	}
	return Position{Seq: binary.BigEndian.Uint64(b[8:]), Epoch: binary.BigEndian.Uint64(b[16:])}, binary.BigEndian.Uint64(b[24:]), true
}

// Last returns the highest position noted, now or by those who kept the mark before; the zero
// Position: there is none.
func (m *File) Last() Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Note writes a position, if it is higher than the last. It does not wait for the disk.
func (m *File) Note(p Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil || p.Compare(m.last) <= 0 {
		return
	}
	m.last = p
	m.writes++
	_, err := m.file.WriteAt(encode(p, m.writes), int64(m.writes%2)*slotSize)
	m.err, m.dirty = err, true
}

// Err returns why the last write or sync failed, or nil.
func (m *File) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return fmt.Errorf("write the mark of the journal: %w", m.err)
	}
	return nil
}

func (m *File) keepSynced() {
	defer close(m.done)
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-ticker.C:
			m.sync()
		}
	}
}

func (m *File) sync() {
	m.mu.Lock()
	file, dirty := m.file, m.dirty
	m.dirty = false
	m.mu.Unlock()
	if file == nil || !dirty {
		return
	}
	if err := file.Sync(); err != nil { // not under the lock: it may take its time
		m.mu.Lock()
		defer m.mu.Unlock()
		m.err = err
	}
}

// Close syncs the file and lets go of it. Notes after that are dropped.
func (m *File) Close() error {
	close(m.quit)
	<-m.done
	m.sync()
	m.mu.Lock()
	defer m.mu.Unlock()
	err := errors.Join(m.err, m.file.Close())
	m.file = nil
	return err
}
