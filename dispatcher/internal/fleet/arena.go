package fleet

import (
	"strings"

	ha "github.com/seed261fe303/ha"
)

// The sizes of the pieces in which an arena allocates, small enough that what is
// left over does not matter and large enough that their number does not.
const (
	textPiece   = 16 << 10 // bytes
	workerPiece = 256
	runPiece    = 1024
	recentPiece = 4096
)

// maxLists bounds how many different lists of names an arena remembers.
const maxLists = 4096

// arena is where the workers of a snapshot are put while it is loaded: side by
// side in large pieces. A million workers of a dozen allocations each would cost
// several times their decoding, and most of it in the garbage collector. A piece
// lives as long as anything in it, so what a Fleet keeps alive after all changes
// since is bounded by what it once loaded.
type arena struct {
	text    strings.Builder
	workers []Worker
	runs    []Run
	recents []recent
	// lists are pools and kinds by their form in bytes. They stay: most workers of
	// a fleet name the same ones.
	lists map[string][]string
}

// close lets go of the pieces begun. What is in them stays with those who have it.
func (m *arena) close() { *m = arena{lists: m.lists} }

// string returns b as a string, in the memory of the arena.
func (m *arena) string(b []byte) string {
	if m.text.Cap()-m.text.Len() < len(b) {
		// The strings cut from the full one keep it alive; it must not be appended to.
		m.text = strings.Builder{}
		m.text.Grow(max(textPiece, len(b)))
	}
	begin := m.text.Len()
	m.text.Write(b)
	return m.text.String()[begin:]
}

// worker returns a new worker.
func (m *arena) worker() *Worker {
	if len(m.workers) == 0 {
		m.workers = make([]Worker, workerPiece)
	}
	w := &m.workers[0]
	m.workers = m.workers[1:]
	return w
}

// cut cuts n elements off the front of the piece, which is replaced if it is
// too short. Nothing is appended to them in place.
func cut[T any](piece *[]T, n, size int) []T {
	if n == 0 {
		return nil
	}
	if len(*piece) < n {
		*piece = make([]T, max(n, size))
	}
	taken := (*piece)[:n:n]
	*piece = (*piece)[n:]
	return taken
}

// list remembers a list of names, so that the next equal one is the same.
func (m *arena) list(form []byte, names []string) {
	if m.lists == nil || len(m.lists) >= maxLists {
		m.lists = make(map[string][]string)
	}
	m.lists[string(form)] = names
}

// Worker returns the id of a worker, as [record.Interner] asks.
func (f *Fleet) Worker(id []byte) ha.WorkerID {
	if w := f.workers[ha.WorkerID(id)]; w != nil {
		return w.Worker
	}
	return ha.WorkerID(id)
}

// Text returns a text of a registration, as [record.Interner] asks.
func (f *Fleet) Text(text []byte) string {
	if f.common.Loading {
		return f.arena.string(text)
	}
	return string(text)
}

// Names returns the list of that form, as [record.Interner] asks.
func (f *Fleet) Names(form []byte) ([]string, bool) {
	names, ok := f.arena.lists[string(form)]
	return names, ok
}

// Keep remembers a list, as [record.Interner] asks.
func (f *Fleet) Keep(form []byte, names []string) { f.arena.list(form, names) }
