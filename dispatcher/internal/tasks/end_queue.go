package tasks

// endQueue is a queue of tasks that ended, each with its turn: if the task has another
// turn by now, or is forgotten, the entry is void. Void entries are dropped when they come to be the first, and
// swept out, a few for each task that leaves the queue, when they may be half of it.
type endQueue struct {
	list []endRef
	// left is how many tasks left since the last sweep began, from wherever they were.
	left int
	// A sweep moves what is not void together: the entries before kept are done, those from there to seen are void, and those
	// behind are to be looked at. Both are 0 between sweeps.
	kept, seen int
	sweeping   bool
}

// endRef is an entry of an endQueue. The zero value is void.
type endRef struct{ number, turn uint64 }

// sweepSteps is how many entries are looked at for each task that leaves: more than one, so that a sweep overtakes
// what comes meanwhile.
const sweepSteps = 8

// sweepFrom is how many tasks must have left before a sweep is worth it.
const sweepFrom = 64

func (e *endQueue) push(t *task) { e.list = append(e.list, endRef{t.number, t.turn}) }

// first returns the oldest that is still so, dropping those before it.
func (e *endQueue) first(tasks *table) *task {
	for len(e.list) > 0 {
		if t := e.list[0].task(tasks); t != nil {
			return t
		}
		e.dropFirst()
	}
	*e = endQueue{}
	return nil
}

// dropFirst drops the first entry, of which there is one.
func (e *endQueue) dropFirst() {
	e.list = e.list[1:]
	e.kept, e.seen = max(0, e.kept-1), max(0, e.seen-1)
}

// leave takes note that t is no longer in the queue, and sweeps for some steps if it was not the first.
func (e *endQueue) leave(t *task, tasks *table) {
	if first := e.first(tasks); first == nil || first.turn >= t.turn {
		return
	}
	if e.left++; !e.sweeping && e.left > max(sweepFrom, len(e.list)/2) {
		e.sweeping, e.left, e.kept, e.seen = true, 0, 0, 0
	}
	for range sweepSteps {
		if !e.sweeping {
			return
		}
		if e.seen >= len(e.list) {
			e.list = e.list[:e.kept]
			e.sweeping, e.kept, e.seen = false, 0, 0
			return
		}
		if one := e.list[e.seen]; one.task(tasks) != nil {
			e.list[e.seen] = endRef{}
			e.list[e.kept] = one
			e.kept++
		}
		e.seen++
	}
}

// task returns the task that ended so; nil: it is forgotten, or has gone on.
func (e endRef) task(tasks *table) *task {
	if t := tasks.get(e.number); t != nil && t.turn == e.turn && t.state.Final() {
		return t
	}
	return nil
}
