package tasks

// ends is a queue of tasks that ended, each with its turn: where the task has
// another turn by now, the entry is void.
type ends struct{ list []ending }

type ending struct{ number, turn uint64 }

func (e *ends) push(t *task) { e.list = append(e.list, ending{t.number, t.turn}) }

// first returns the oldest that is still so, dropping those before it.
func (e *ends) first(tasks *table) *task {
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
func (e ending) task(tasks *table) *task {
	if t := tasks.get(e.number); t != nil && t.turn == e.turn && t.state.Final() {
		return t
	}
	return nil
}
