package term

import (
	"iter"
	"maps"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
)

const (
	// probeMisses is how many probes in a row for which there was nobody say that a process is
	// gone, and probeMissesMany is that number if at least manyGone workers, and half of those
	// asked, are silent.
	probeMisses     = 3
	probeMissesMany = 5
	manyGone        = 3
	// probesMost bounds the probes of one round to workers that have work, probesIdle
	// those to others; beyond, they take turns.
	probesMost = 5000
	probesIdle = 1000
	// probeAgain is after how many rounds a worker that was not reached on its probe subject
	// is tried there again.
	probeAgain = 30
)

// MostProbes bounds the workers of one round. Each may be probed at two places.
const MostProbes = probesMost + probesIdle

// ProbePlace says where a worker is probed.
type ProbePlace byte

// The places.
const (
	// AtProbes is the subject that the answer to its hello named for probes.
	AtProbes ProbePlace = 1
	// AtOrders is that on which the worker is given orders of its own. People who watch the
	// orders listen there too, so that a dead worker seems alive.
	AtOrders ProbePlace = 2
)

// Probing decides which workers are probed, where, and which of them are gone. A probe is a
// message to a subject on which nobody but the worker listens. That there is nobody is told to
// whoever sent it at once; that there is somebody is told by nothing. So what a round shows is known
// when all of its answers have come; see Complete.
//
// A worker is judged by its probe subject only after one probe has reached it there: it may be
// older than that subject, or may not be allowed to listen on it. Until then, and if it is not reached,
// it is probed on the subject of its orders, as workers always were.
//
// All of it is soft. A Probing must not be used concurrently.
type Probing struct {
	core       *core.Core
	round      uint64 // the last one that was begun
	complete   uint64 // the last one of which all answers have come
	asked      int    // workers in it
	missed     map[ha.WorkerID]*misses
	busy, idle int // how many to leave out in the next round, as they were asked in this one
}

// misses are those in a row.
type misses struct {
	n     int
	since time.Time // the elapsed time of the first
	fresh bool      // one came since the workers were judged last
}

// NewProbing returns the Probing of a leadership over that state.
func NewProbing(c *core.Core) *Probing {
	return &Probing{core: c, missed: map[ha.WorkerID]*misses{}}
}

// Forget forgets what was missed, since the dispatcher itself was cut off meanwhile.
func (p *Probing) Forget() { clear(p.missed) }

// Missed says that nobody listened to a probe of that round.
func (p *Probing) Missed(id ha.WorkerID, at ProbePlace, round uint64) {
	state := p.core.Probed(id)
	if state == nil {
		return
	}
	if at == AtProbes {
		state.Missed = max(state.Missed, round)
		if !state.Reached {
			return
		}
	}
	m := p.missed[id]
	if m == nil {
		m = &misses{since: p.core.Elapsed()}
		p.missed[id] = m
	}
	m.n++
	m.fresh = true
}

// Complete says that all misses of a round, and of those before, have been told.
func (p *Probing) Complete(round uint64) { p.complete = max(p.complete, round) }

// Goner is a worker whose process is gone, as so many probes in a row have shown.
type Goner struct {
	Worker ha.WorkerID
	Probes int
}

// Gone returns the workers that the last rounds show to be gone, in the order of their ids.
func (p *Probing) Gone() (gone []Goner) {
	enough := probeMisses
	if len(p.missed) >= manyGone && 2*len(p.missed) >= p.asked {
		enough = probeMissesMany
	}
	for _, id := range slices.Sorted(maps.Keys(p.missed)) {
		switch m := p.missed[id]; {
		case !m.fresh || p.core.LastSeen(id).After(m.since):
			delete(p.missed, id)
		case m.n >= enough:
			delete(p.missed, id)
			gone = append(gone, Goner{id, m.n})
		default:
			m.fresh = false
		}
	}
	return gone
}

// Round begins a round, whose number it returns. It yields whom to probe, and where. The
// state must not change meanwhile.
func (p *Probing) Round() (round uint64, probes iter.Seq2[ha.WorkerID, ProbePlace]) {
	p.round++
	p.asked = 0
	return p.round, func(yield func(ha.WorkerID, ProbePlace) bool) {
		_ = p.some(true, &p.busy, probesMost, yield) && p.some(false, &p.idle, probesIdle, yield)
	}
}

// some yields up to most of the workers that have work, or of those that have none, beginning
// where the last round ended. It reports whether to go on.
func (p *Probing) some(busy bool, offset *int, most int, yield func(ha.WorkerID, ProbePlace) bool) bool {
	skip, asked := *offset, 0
	for id, state := range p.core.Probeable(busy) {
		if skip > 0 {
			skip--
			continue
		}
		if asked == most {
			*offset += most
			p.asked += asked
			return true
		}
		asked++
		probes, orders := p.places(state)
		if probes {
			state.Asked = p.round
			if !yield(id, AtProbes) {
				return false
			}
		}
		if orders && !yield(id, AtOrders) {
			return false
		}
	}
	*offset = 0
	p.asked += asked
	return true
}

// places says where a worker is to be probed in this round.
func (p *Probing) places(s *fleet.Probed) (probes, orders bool) {
	if s.Asked > 0 && s.Asked <= p.complete {
		switch {
		case s.Missed < s.Asked:
			s.Reached, s.Elsewhere = true, false
		case !s.Reached:
			s.Elsewhere = true
		}
	}
	return !s.Elsewhere || p.round-s.Asked >= probeAgain, s.Elsewhere
}
