package share

import "fmt"

// section is a part of the members that a pick can be restricted to. The tops are
// the roots of those of its classes that have an idle member. One that is not in
// use has no members, and so nothing in it is ever picked.
type section struct {
	tops    tops
	members int // joined, idle or not
	idle    int
	dropped bool
}

// newSection returns the id of a section without members, the one dropped last
// if there is any.
func (c *classes) newSection() int32 {
	if n := len(c.unused); n > 0 {
		id := c.unused[n-1]
		c.unused = c.unused[:n-1]
		c.sections[id] = section{}
		return id
	}
	c.sections = append(c.sections, section{})
	return int32(len(c.sections) - 1)
}

// section returns the section of this id, or nil if there is none.
func (c *classes) section(id int) *section {
	if id < 0 || id >= len(c.sections) || c.sections[id].dropped {
		return nil
	}
	return &c.sections[id]
}

// among returns the row of the best idle member of the sections, as [tops.best]
// does for one.
func (c *classes) among(sections []int, next, total uint64) int32 {
	if !narrow(next, total) {
		return c.amongWide(sections, next, total)
	}
	none := worstBlock()
	best := &none
	for _, id := range sections {
		if s := c.section(id); s != nil {
			best = s.tops.bestNarrow(int64(next), int64(total), best)
		}
	}
	return best.row
}

func (c *classes) amongWide(sections []int, next, total uint64) int32 {
	var best *top
	var most wide
	for _, id := range sections {
		if s := c.section(id); s != nil {
			best, most = s.tops.bestWide(next, total, best, most)
		}
	}
	if best == nil {
		return absent
	}
	return best.row
}

// NewSection adds a section without members and returns its id: a number above 0
// that no other section has now. An id is the smallest never used, unless there
// is one that [Selector.DropSection] has given back, of which it is the last.
// Section 0 always exists; it is that of [Selector.Join] and [Selector.Pick].
func (s *Selector[T]) NewSection() int { return int(s.classes.newSection()) }

// DropSection removes a section, so that a later [Selector.NewSection] may return
// its id, and reports whether it did. It does nothing if the section has members,
// does not exist or is section 0.
func (s *Selector[T]) DropSection(id int) bool {
	v := s.classes.section(id)
	if v == nil || id == 0 || v.members > 0 {
		return false
	}
	*v = section{dropped: true}
	s.classes.unused = append(s.classes.unused, int32(id))
	return true
}

// JoinSection is [Selector.Join] into another section. It panics if there is no
// such section: a member that no pick could find, or one picked for what it
// cannot do, would show much later.
func (s *Selector[T]) JoinSection(section int, value T, weight int64, slots int) *Member[T] {
	if s.classes.section(section) == nil {
		panic(fmt.Sprintf("share: join section %d, which does not exist", section))
	}
	return s.join(int32(section), value, weight, slots)
}

// PickAmong returns the idle member of these sections with the largest deficit, of
// equal ones the first to have joined, whichever section each is in; nil if
// nobody is idle there. Deficits are those of all members of the selector, and
// not of the sections alone. It changes nothing. Sections that do not exist are
// passed over, and naming one twice is naming it once. It takes
// O(sections named + their classes) and does not allocate.
func (s *Selector[T]) PickAmong(sections []int) *Member[T] {
	return s.at(s.classes.among(sections, s.counted+1, s.weights))
}

// IdleIn returns how many members of a section are idle, 0 if there is no
// such section.
func (s *Selector[T]) IdleIn(section int) int {
	if v := s.classes.section(section); v != nil {
		return v.idle
	}
	return 0
}
