package fleet

import (
	"slices"
	"strings"
)

// Section is the workers of the same pools and kinds, which must not be changed.
type Section struct {
	ID      int // in the selector; see [Fleet.PickAmong]
	Pools   []string
	Kinds   []string
	workers int
}

// Takes reports whether the workers of s run tasks of that kind in that pool.
func (s *Section) Takes(kind, pool string) bool {
	return slices.Contains(s.Pools, pool) && slices.Contains(s.Kinds, kind)
}

func (s *Section) key() string { return sectionKey(s.Pools, s.Kinds) }

func sectionKey(pools, kinds []string) string {
	return strings.Join(pools, " ") + "\n" + strings.Join(kinds, " ")
}

// sections are those of the workers that named kinds.
type sections struct {
	list  []*Section
	byKey map[string]*Section
}

func newSections() sections { return sections{byKey: map[string]*Section{}} }

// Sections returns the sections that there are, in the order in which they began. The
// list must not be changed, nor the fleet while it is used.
func (f *Fleet) Sections() []*Section { return f.sections.list }

// sectionOf returns the section of the workers with these pools and kinds. It makes
// one if there is none.
func (f *Fleet) sectionOf(pools, kinds []string) *Section {
	key := sectionKey(pools, kinds)
	s := f.sections.byKey[key]
	if s == nil {
		s = &Section{ID: f.groups[kindGroup].selector.NewSection(), Pools: pools, Kinds: kinds}
		f.sections.byKey[key] = s
		f.sections.list = append(f.sections.list, s)
		if f.observer != nil {
			f.observer.SectionAdded(s)
		}
	}
	return s
}

// leaveSection takes a worker out of its section, and the section away with the last.
func (f *Fleet) leaveSection(w *Worker) {
	s := w.section
	if s == nil {
		return
	}
	w.section = nil
	if s.workers--; s.workers > 0 {
		return
	}
	f.groups[kindGroup].selector.DropSection(s.ID)
	delete(f.sections.byKey, s.key())
	f.sections.list = slices.DeleteFunc(f.sections.list, func(o *Section) bool { return o == s })
	if f.observer != nil {
		f.observer.SectionDropped(s)
	}
}
