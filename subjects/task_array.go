package subjects

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// TaskArray is the body of a submission of many tasks while it is being written. The
// zero value is ready to use. It is not safe for concurrent use.
type TaskArray struct {
	body []byte
	n    int
}

// Len returns how many tasks there are.
func (a *TaskArray) Len() int { return a.n }

// Reset takes all tasks out and keeps the memory.
func (a *TaskArray) Reset() { a.body, a.n = a.body[:0], 0 }

// Grow makes room for tasks of that many bytes in all, with what separates them.
func (a *TaskArray) Grow(bytes int) { a.body = slices.Grow(a.body, bytes+len(`[]`)) }

// Add adds a task that [PrepareTask] found right, and reports whether it did: not if
// the body would become longer than limit bytes and there is a task already. The error
// is that of [AppendTask].
func (a *TaskArray) Add(s *ha.TaskSpec, limit int) (added bool, err error) {
	before := len(a.body)
	a.separate()
	a.body, err = AppendTask(a.body, s)
	if err != nil || a.n > 0 && len(a.body)+len(`]`) > limit {
		a.body = a.body[:before]
		return false, err
	}
	a.n++
	return true, nil
}

// AddJSON adds a task that [AppendTask] wrote.
func (a *TaskArray) AddJSON(task []byte) {
	a.separate()
	a.body = append(a.body, task...)
	a.n++
}

func (a *TaskArray) separate() { a.body = append(a.body, "[,"[min(a.n, 1)]) }

// Body returns the body of the submission, which is valid until the next change.
func (a *TaskArray) Body() []byte {
	if a.n == 0 {
		return []byte(`[]`)
	}
	a.body = append(a.body, ']')
	body := a.body
	a.body = a.body[:len(a.body)-1]
	return body
}
