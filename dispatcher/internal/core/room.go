package core

import "strings"

// The sizes of the pieces in which a room allocates, small enough that what is
// left over does not matter and large enough that their number does not.
const (
	textPiece   = 16 << 10 // bytes
	workerPiece = 256
	runPiece    = 1024
	recentPiece = 4096
)

// maxLists bounds how many different lists of names a room remembers.
const maxLists = 4096

// room is where the workers of a snapshot are put while it is loaded: side by
// side in large pieces. A million workers of a dozen allocations each would cost
// several times their decoding, and most of it in the garbage collector. A piece
// lives as long as anything in it, so what a Core keeps alive after all changes
// since is bounded by what it once loaded.
type room struct {
	text    strings.Builder
	workers []worker
	runs    []run
	recents []recent
	// lists are pools and kinds by their form in bytes. They stay: most workers of
	// a fleet name the same ones.
	lists map[string][]string
	// running and lately are used anew by each decoded Restored.
	running []Running
	lately  []Recent
}

// close lets go of the pieces begun. What is in them stays with those who have it.
func (m *room) close() { *m = room{lists: m.lists} }

// string returns b as a string.
func (m *room) string(b []byte) string {
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
func (m *room) worker() *worker {
	if len(m.workers) == 0 {
		m.workers = make([]worker, workerPiece)
	}
	w := &m.workers[0]
	m.workers = m.workers[1:]
	return w
}

// take cuts n elements off the front of the piece, which is replaced where it is
// too short. Nothing is appended to them in place.
func take[T any](piece *[]T, n, size int) []T {
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
func (m *room) list(form []byte, names []string) {
	if m.lists == nil || len(m.lists) >= maxLists {
		m.lists = make(map[string][]string)
	}
	m.lists[string(form)] = names
}
