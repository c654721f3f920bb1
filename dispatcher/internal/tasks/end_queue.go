package tasks

// endQueue is a queue of tasks that ended, each with its turn: if the task has another
// turn by now, the entry is void.
type endQueue struct{ list []endRef }

// endRef is an entry of an endQueue.
type endRef struct{ number, turn uint64 }

func (e *endQueue) push(t *task) { e.list = append(e.list, endRef{t.number, t.turn}) }

// first returns the oldest that is still so, dropping those before it.
func (e *endQueue) first(tasks *table) *task {
	for len(e.list) > 0 {
		if t := e.list[0].task(tasks); t != nil {
			return t
		}
		e.list = e.list[1:]
	}
	e.list = nil
	return nil
}

// task returns the task that ended so; nil: it is forgotten, or has gone on.
func (e endRef) task(tasks *table) *task {
	if t := tasks.get(e.number); t != nil && t.turn == e.turn && t.state.Final() {
		return t
	}
	return nil
}
