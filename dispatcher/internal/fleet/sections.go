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
	freed   bool // it is in Fleet.freed
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
	// byKind are those that take a kind, in the order in which they began.
	byKind map[string][]*Section
	// freed are those of which a worker became idle; see Freed.
	freed []*Section
}

func newSections() sections {
	return sections{byKey: map[string]*Section{}, byKind: map[string][]*Section{}}
}

// SectionsOf returns the sections whose workers take tasks of a kind, in the order in which they
// began. The list must not be changed, nor the fleet while it is used.
func (f *Fleet) SectionsOf(kind string) []*Section { return f.sections.byKind[kind] }

// Freed calls fn for each section of which a worker became able to take an activation since
// the last call, and forgets them.
func (f *Fleet) Freed(fn func(*Section)) {
	for i, s := range f.sections.freed {
		s.freed = false
		fn(s)
		f.sections.freed[i] = nil
	}
	f.sections.freed = f.sections.freed[:0]
}

// free takes note that w may be able to take an activation.
func (f *Fleet) free(w *Worker) {
	f.common.MayAssign = true
	if s := w.section; s != nil && !s.freed {
		s.freed = true
		f.sections.freed = append(f.sections.freed, s)
	}
}

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
		for _, kind := range kinds {
			f.sections.byKind[kind] = append(f.sections.byKind[kind], s)
		}
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
	is := func(o *Section) bool { return o == s }
	f.sections.list = slices.DeleteFunc(f.sections.list, is)
	for _, kind := range s.Kinds {
		if list := slices.DeleteFunc(f.sections.byKind[kind], is); len(list) > 0 {
			f.sections.byKind[kind] = list
		} else {
			delete(f.sections.byKind, kind)
		}
	}
	if f.observer != nil {
		f.observer.SectionDropped(s)
	}
}
