package tasks

// loadOrder keeps, while a snapshot is loaded, which came first: the piece of a waiting
// task, or that one which it came after was put back. A piece says what its task
// waits for at that moment. An end after it counts, even if the task that ended was
// put back since, and before its own piece was written.
type loadOrder struct {
	position uint64
	pieces   map[*task]uint64
	revivals map[uint64]uint64 // by number
}

func (l *loadOrder) notePiece(t *task) {
	if l.pieces == nil {
		l.pieces = make(map[*task]uint64)
	}
	l.position++
	l.pieces[t] = l.position
}

func (l *loadOrder) noteRevival(number uint64) {
	if l.revivals == nil {
		l.revivals = make(map[uint64]uint64)
	}
	l.position++
	l.revivals[number] = l.position
}

// endedSince reports whether u, which t waited for when its piece was written, ended
// after that, and was put back.
func (l *loadOrder) endedSince(u, t *task) bool { return l.revivals[u.number] > l.pieces[t] }
