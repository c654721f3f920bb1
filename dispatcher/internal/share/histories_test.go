package share

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// play is one random history, run by a selector and its twin side by side.
type play struct {
	rng     *rand.Rand
	sel     *Selector[int]
	members []*Member[int] // as in twin.members; Value is the id
	twin    twin
	left    *Member[int] // one that left, if any did
	ids     int
	palette int
	trace   func(format string, args ...any) // nil: say nothing
	rank    func(*twin) []*twinMember

	sectioned bool // whether there is more than section 0
	sections  []playSection
	dropped   []int // ids of sections given back and not in use again, the last one last
	numbers   int   // sections that ever were
	among     []int // see someSections
	wrong     error // what a step found
}

// start begins a history over a fleet of up to five members.
func (p *play) start() {
	p.members, p.left, p.ids = p.members[:0], nil, 0
	p.sectioned, p.sections = p.rng.IntN(3) == 0, append(p.sections[:0], playSection{})
	p.dropped, p.numbers, p.wrong = p.dropped[:0], 0, nil
	p.twin = p.twin.again()
	p.palette = p.rng.IntN(6)
	switch p.rng.IntN(6) {
	case 0:
	case 1, 2:
		p.twin.window, p.twin.fixed = 1+p.rng.IntN(8), true
	case 3, 4:
		p.twin.window = 1 + p.rng.IntN(8)
	default:
		p.twin.window = 10_000
	}
	if p.twin.fixed {
		p.sel = newFixed[int](p.twin.window)
	} else {
		p.sel = New[int](p.twin.window)
	}
	p.say("window %d, fixed %v", p.twin.window, p.twin.fixed)
	for range 1 + p.rng.IntN(5) {
		if p.sectioned {
			p.changeSections()
		}
		p.join()
	}
}

func (p *play) say(format string, args ...any) {
	if p.trace != nil {
		p.trace(format, args...)
	}
}

func (p *play) weight() int64 {
	switch p.palette {
	case 0: // the extremes
		if p.rng.IntN(2) == 0 {
			return 1
		}
		return 1_000_000
	case 1:
		return 7
	case 2:
		return 1 + p.rng.Int64N(3)
	case 3:
		return 1 + p.rng.Int64N(20)
	case 4:
		return 1 + p.rng.Int64N(1_000_000)
	}
	return []int64{1, 10, 100, 1000, 999_999, 1_000_000}[p.rng.IntN(6)]
}

func (p *play) join() {
	v := p.anySection()
	m := p.twin.join(twinMember{id: p.ids, section: v.number, weight: p.weight(), slots: 1 + p.rng.IntN(12)/10})
	p.ids++
	p.say("join %d, section %d, weight %d, slots %d", m.id, v.id, m.weight, m.slots)
	if v.id == 0 {
		p.members = append(p.members, p.sel.Join(m.id, m.weight, m.slots))
	} else {
		p.members = append(p.members, p.sel.JoinSection(v.id, m.id, m.weight, m.slots))
	}
}

func (p *play) leave(i int) {
	p.say("leave %d", p.members[i].Value)
	p.twin.leave(i)
	p.left = p.members[i]
	p.sel.Leave(p.left)
	p.members = append(p.members[:i], p.members[i+1:]...)
}

// step does one random thing.
func (p *play) step(maxMembers int) {
	n := len(p.members)
	if n == 0 || n < maxMembers && p.rng.IntN(12) == 0 {
		p.join()
		return
	}
	if p.sectioned && p.rng.IntN(12) == 0 {
		p.changeSections()
		return
	}
	i := p.rng.IntN(n)
	m, t := p.members[i], p.twin.members[i]
	switch k := p.rng.IntN(100); {
	case k < 48:
		if m = p.pick(); m != nil {
			p.begin(m)
		}
	case k < 50: // not the one picked, idle or not
		p.begin(m)
	case k < 72:
		p.say("release %d", m.Value)
		p.sel.ReleaseSlot(m)
		t.running = max(0, t.running-1)
	case k < 78:
		p.leave(i)
	case k < 82:
		p.say("block %d", m.Value)
		p.sel.Block(m)
		t.blocked = true
	case k < 88:
		p.say("unblock %d", m.Value)
		p.sel.Unblock(m)
		t.blocked = false
	default:
		p.restore(k, m, t)
	}
}

// begin starts m on both sides.
func (p *play) begin(m *Member[int]) {
	p.say("start %d", m.Value)
	p.sel.Start(m)
	p.twin.record(m.Value)
	for _, t := range p.twin.members {
		if t.id == m.Value {
			t.running++
		}
	}
}

// restore does what only a restore does, and what nobody should.
func (p *play) restore(k int, m *Member[int], t *twinMember) {
	switch k {
	case 88, 89, 90, 91:
		p.say("record %d", m.Value)
		p.sel.Record(m)
		p.twin.record(t.id)
	case 92, 93:
		p.say("record gone")
		p.sel.RecordGone()
		if p.twin.window > 0 {
			p.twin.record(-1)
		}
	case 94, 95:
		p.say("take %d", m.Value)
		p.sel.TakeSlot(m)
		t.running++
	case 96, 97:
		n := p.rng.IntN(12)
		p.say("record %d times %d", n, m.Value)
		if err := p.sel.RecordMany(m, uint64(n)); err != nil {
			panic(err)
		}
		for range n {
			p.twin.record(t.id)
		}
	default:
		p.say("departed member and none")
		for _, m := range []*Member[int]{p.left, nil} {
			p.sel.Start(m)
			p.sel.Record(m)
			p.sel.ReleaseSlot(m)
			p.sel.Block(m)
			p.sel.Unblock(m)
			p.sel.Leave(m)
		}
	}
}

// check compares the two sides' picks and sums.
func (p *play) check() error {
	if p.wrong != nil {
		return p.wrong
	}
	ranked := p.rank(&p.twin)
	if err := p.checkAmong(ranked); err != nil {
		return err
	}
	if err := same(p.first(ranked, []int{0}), p.sel.Pick()); err != nil {
		return err
	}
	if n, w := p.sel.Counted(), p.sel.Weights(); n != uint64(p.twin.counted) || w != uint64(p.twin.weights) {
		return fmt.Errorf("N = %d, W = %d, want %d, %d", n, w, p.twin.counted, p.twin.weights)
	}
	return nil
}

// same tells how the twin's pick and the selector's differ, if they do.
func same(want *twinMember, got *Member[int]) error {
	switch {
	case want == nil && got != nil:
		return fmt.Errorf("picked %d, the twin nobody", got.Value)
	case want != nil && got == nil:
		return fmt.Errorf("picked nobody, the twin %d", want.id)
	case want != nil && want.id != got.Value:
		return fmt.Errorf("picked %d, the twin %d", got.Value, want.id)
	}
	return nil
}

// finish compares everything else.
func (p *play) finish() error {
	idle := 0
	for i, t := range p.twin.members {
		m := p.members[i]
		if t.idle() {
			idle++
		}
		if m.Idle() != t.idle() || m.Count() != uint64(t.count) || m.Running() != t.running {
			return fmt.Errorf("member %d: idle %v, count %d, running %d; the twin: %v, %d, %d",
				t.id, m.Idle(), m.Count(), m.Running(), t.idle(), t.count, t.running)
		}
	}
	if p.sel.Len() != len(p.members) || p.sel.IdleLen() != idle || p.sel.Window() != p.twin.length() {
		return fmt.Errorf("members %d, idle %d, window %d; the twin: %d, %d, %d",
			p.sel.Len(), p.sel.IdleLen(), p.sel.Window(), len(p.members), idle, p.twin.length())
	}
	if err := p.finishSections(); err != nil {
		return err
	}
	return p.finishHistory()
}

func (p *play) finishHistory() error {
	joined := make(map[int]bool)
	for _, m := range p.members {
		joined[m.Value] = true
	}
	i, entries := 0, p.twin.history
	if p.twin.window == 0 {
		entries = nil
	}
	for m := range p.sel.History() {
		switch {
		case i >= len(entries):
			return fmt.Errorf("the history is longer than %d", len(entries))
		case m == nil && joined[entries[i]], m != nil && m.Value != entries[i]:
			return fmt.Errorf("history at %d: %v, the twin %d", i, m, entries[i])
		}
		i++
	}
	if i != len(entries) {
		return fmt.Errorf("the history's length is %d, want %d", i, len(entries))
	}
	return nil
}

func (p *play) run(steps, maxMembers int) (decisions int, err error) {
	p.start()
	for range steps {
		p.step(maxMembers)
		decisions++
		if err := p.check(); err != nil {
			return decisions, err
		}
	}
	return decisions, p.finish()
}

// histories is how many to play: as many as HA_HISTORIES says, or n.
func histories(t *testing.T, n int) int {
	text := os.Getenv("HA_HISTORIES")
	if text == "" {
		return n
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HA_HISTORIES must be a whole number from 1, got %q", text)
	}
	return n
}

// playAll plays histories, and the first that fails once more, telling each step.
func playAll(t *testing.T, histories, minSteps, maxSteps, maxMembers int, rank func(*twin) []*twinMember) {
	from := seed(t)
	pcg := rand.NewPCG(0, 0)
	p := &play{rng: rand.New(pcg), rank: rank}
	total := 0
	for h := range histories {
		pcg.Seed(from, uint64(h))
		steps := minSteps + p.rng.IntN(maxSteps-minSteps+1)
		n, err := p.run(steps, maxMembers)
		total += n
		if err != nil {
			pcg.Seed(from, uint64(h))
			p.rng.IntN(maxSteps - minSteps + 1)
			p.trace = t.Logf
			_, _ = p.run(steps, maxMembers)
			t.Fatalf("HA_SEED=%d, history %d: %v", from, h, err)
		}
	}
	t.Logf("%d histories, %d decisions", histories, total)
}

func TestHistoriesEqualTwin(t *testing.T) {
	playAll(t, histories(t, 150_000)/raceFactor, 8, 24, 6, (*twin).rank)
}

func TestLongHistoriesEqualTwin(t *testing.T) {
	playAll(t, 100/raceFactor, 1000, 3000, 40, (*twin).rank)
}

func TestHistoriesEqualRationalTwin(t *testing.T) {
	playAll(t, 1500, 8, 24, 6, (*twin).rankRational)
}
