package share

import (
	"fmt"
	"slices"
)

// playSection is a section in use. Its id may have been another's before, its
// number not.
type playSection struct{ id, number int }

func (p *play) anySection() playSection { return p.sections[p.rng.IntN(len(p.sections))] }

// changeSections opens a section or drops one, in half of the cases after its
// members have left.
func (p *play) changeSections() {
	if len(p.sections) < 4 && p.rng.IntN(2) == 0 {
		p.openSection()
		return
	}
	i := p.rng.IntN(len(p.sections))
	v := p.sections[i]
	if v.id != 0 && p.rng.IntN(2) == 0 {
		for k, m := range slices.Backward(p.twin.members) {
			if m.section == v.number {
				p.leave(k)
			}
		}
	}
	held := slices.ContainsFunc(p.twin.members, func(m *twinMember) bool { return m.section == v.number })
	p.say("drop section %d", v.id)
	if done := p.sel.DropSection(v.id); done != (v.id != 0 && !held) {
		p.wrong = fmt.Errorf("dropped section %d: %v, with members: %v", v.id, done, held)
	}
	if v.id != 0 && !held {
		p.sections = slices.Delete(p.sections, i, i+1)
		p.dropped = append(p.dropped, v.id)
	}
}

func (p *play) openSection() {
	want := len(p.sections) + len(p.dropped)
	if n := len(p.dropped); n > 0 {
		want = p.dropped[n-1]
		p.dropped = p.dropped[:n-1]
	}
	id := p.sel.NewSection()
	p.say("new section %d", id)
	if id != want {
		p.wrong = fmt.Errorf("the new section is %d, want %d", id, want)
	}
	p.numbers++
	p.sections = append(p.sections, playSection{id: id, number: p.numbers})
}

// someSections returns the ids of some of the sections, now and then along with
// one that does not exist or a second time.
func (p *play) someSections() []int {
	p.among = p.among[:0]
	chosen := p.rng.Uint32()
	for i, v := range p.sections {
		if chosen>>i&1 != 0 {
			p.among = append(p.among, v.id)
		}
	}
	switch chosen >> 28 {
	case 0:
		p.among = append(p.among, p.dropped...)
	case 1:
		p.among = append(p.among, -1, p.anySection().id, len(p.sections)+len(p.dropped))
	case 2:
		slices.Reverse(p.among)
	}
	return p.among
}

// pick picks from one section or from some.
func (p *play) pick() *Member[int] {
	if p.sectioned && p.rng.IntN(3) > 0 {
		return p.sel.PickAmong(p.someSections())
	}
	return p.sel.Pick()
}

// checkAmong compares the picks from some sections.
func (p *play) checkAmong(ranked []*twinMember) error {
	if !p.sectioned {
		return nil
	}
	ids := p.someSections()
	if err := same(p.first(ranked, ids), p.sel.PickAmong(ids)); err != nil {
		return fmt.Errorf("among %v: %w", ids, err)
	}
	return nil
}

// first returns the first of the twin's ranking whose section is among these.
func (p *play) first(ranked []*twinMember, ids []int) *twinMember {
	for _, m := range ranked {
		for _, v := range p.sections {
			if v.number == m.section && slices.Contains(ids, v.id) {
				return m
			}
		}
	}
	return nil
}

// finishSections compares what the selector says of its sections.
func (p *play) finishSections() error {
	for _, v := range p.sections {
		idle := 0
		for i, m := range p.twin.members {
			if m.section != v.number {
				continue
			}
			if m.idle() {
				idle++
			}
			if got := p.members[i].Section(); got != v.id {
				return fmt.Errorf("member %d is in section %d, want %d", m.id, got, v.id)
			}
		}
		if got := p.sel.IdleIn(v.id); got != idle {
			return fmt.Errorf("section %d has %d idle, the twin %d", v.id, got, idle)
		}
	}
	for _, id := range append(p.dropped, -1, len(p.sections)+len(p.dropped)) {
		if p.sel.IdleIn(id) != 0 || p.sel.DropSection(id) {
			return fmt.Errorf("section %d, which does not exist, has somebody or was dropped", id)
		}
	}
	return nil
}
