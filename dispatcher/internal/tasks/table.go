package tasks

import (
	"cmp"
	"slices"

	ha "github.com/seed261fe303/ha"
)

// pageTasks is how many tasks a page of the table has room for.
const pageTasks = 512

type page struct {
	first uint64 // the number of the first task that it has room for
	n     int
	tasks [pageTasks]*task
}

// table finds tasks by their number and by their id. Those of a time are mostly forgotten
// together, and their pages with them; the few that stay for years hold up one each.
type table struct {
	pages []*page // that have a task, by first
	n     int
	ids   idIndex
}

func newTable(hash func(ha.TaskID) uint64) table { return table{ids: newIDs(hash)} }

// find returns the index of the page for the task of that number or, if there
// is none, of the next.
func (b *table) find(number uint64) int {
	first := number - number%pageTasks
	if n := uint64(len(b.pages)); n > 0 && first <= b.pages[n-1].first {
		// If no page is missing, it is as far from the last as its number.
		if back := (b.pages[n-1].first - first) / pageTasks; back < n && b.pages[n-1-back].first == first {
			return int(n - 1 - back)
		}
	}
	i, _ := slices.BinarySearchFunc(b.pages, first, func(p *page, first uint64) int { return cmp.Compare(p.first, first) })
	return i
}

func (b *table) get(number uint64) *task {
	if i := b.find(number); i < len(b.pages) && number-b.pages[i].first < pageTasks { // unsigned: a later page is far away
		return b.pages[i].tasks[number%pageTasks]
	}
	return nil
}

// put adds t, whose number may be any; see indexID for its id.
func (b *table) put(t *task) {
	i := b.find(t.number)
	if i == len(b.pages) || t.number-b.pages[i].first >= pageTasks {
		b.pages = slices.Insert(b.pages, i, &page{first: t.number - t.number%pageTasks})
	}
	p := b.pages[i]
	if p.tasks[t.number%pageTasks] == nil {
		b.n++
		p.n++
	}
	p.tasks[t.number%pageTasks] = t
}

// drop removes the task of that number; see unindexID for its id.
func (b *table) drop(number uint64) {
	if b.get(number) == nil {
		return
	}
	b.n--
	i := b.find(number)
	p := b.pages[i]
	p.tasks[number%pageTasks] = nil
	switch p.n--; {
	case p.n > 0:
	case i == 0: // as it mostly is
		b.pages[0] = nil
		b.pages = b.pages[1:]
	default:
		b.pages = slices.Delete(b.pages, i, i+1)
	}
}

// from returns the first task whose number is n or more, or nil.
func (b *table) from(n uint64) *task {
	for _, p := range b.pages[b.find(n):] {
		for i := max(n, p.first) - p.first; i < pageTasks; i++ {
			if t := p.tasks[i]; t != nil {
				return t
			}
		}
	}
	return nil
}
