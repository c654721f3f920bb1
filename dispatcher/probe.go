package dispatcher

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// A worker whose process died has no subscription left, and NATS says so at once to
// whoever sends a request to its subject. So the leader sends something there now
// and then, to the workers that offered a subject of their own: their tasks go
// elsewhere without waiting for 45 s of silence. Idle ones are asked too, or the next
// task would be given to one that is dead.
//
// One such message proves nothing: a connection that broke comes back within a
// second or so. Only several in a row do, with nothing heard of the worker
// meanwhile. If many workers seem to be gone at once it was more likely a server
// that died, and their clients are on the way to another; then more is asked for.
const (
	// probeEvery is the time between two probes of a worker.
	probeEvery = 350 * time.Millisecond
	// probeMisses is how many in a row say that a process is gone.
	probeMisses = 3
	// probeMissesMany is that number if at least manyGone workers, and half of those
	// asked, are silent.
	probeMissesMany = 5
	manyGone        = 3
	// probeGrace is the time that everybody is given after this dispatcher began to
	// lead, or connected anew.
	probeGrace = 1500 * time.Millisecond
	// probesMost bounds the probes of one round to workers that have work, probesIdle
	// those to others; beyond, they take turns.
	probesMost = 5000
	probesIdle = 1000
)

// probes is what the loop knows of them. It is soft.
type probes struct {
	// due is when the next round is.
	due time.Time
	// silent names workers for whose probe there was nobody.
	silent chan ha.WorkerID
	inbox  string
	sub    *nats.Subscription

	asked      int // in the last round
	missed     map[ha.WorkerID]*misses
	reconnects uint64
	busy, idle cursor
}

// cursor is where the next round begins, among the busy or the idle workers.
type cursor struct{ offset int }

type misses struct {
	n     int
	since time.Time // of the first
	fresh bool      // one came since the last round
}

// listenProbes subscribes to what comes back. Without that there are no probes.
func (l *loop) listenProbes() {
	p := &l.probes
	p.due = time.Now().Add(probeGrace)
	p.silent = make(chan ha.WorkerID, probesMost+probesIdle)
	p.missed = make(map[ha.WorkerID]*misses)
	p.reconnects = l.d.nc.Stats().Reconnects
	p.inbox = l.d.nc.NewInbox()
	silent := p.silent
	sub, err := l.d.nc.Subscribe(p.inbox+".*", func(m *nats.Msg) {
		if len(m.Data) > 0 || m.Header.Get("Status") != "503" {
			return
		}
		select {
		case silent <- ha.WorkerID(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]):
		default: // the loop is behind; the next round tells again
		}
	})
	if err != nil {
		l.d.cfg.Log.Warn().Err(err).Msg("listening for workers that are gone")
		p.silent = nil
		return
	}
	p.sub = sub
}

func (l *loop) stopProbes() {
	if l.probes.sub != nil {
		_ = l.probes.sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
	}
}

// probe sends the next round, if it is due.
func (l *loop) probe(now time.Time) {
	p := &l.probes
	if p.silent == nil {
		p.due = now.Add(time.Hour)
		return
	}
	if now.Before(p.due) {
		return
	}
	p.due = now.Add(probeEvery)
	if n := l.d.nc.Stats().Reconnects; n != p.reconnects {
		p.reconnects, p.due = n, now.Add(probeGrace)
		clear(p.missed)
		return
	}
	l.removeGone(now)
	if !(gate{l.d}).open() {
		return
	}
	p.asked = 0
	l.probeSome(true, &p.busy, probesMost)
	l.probeSome(false, &p.idle, probesIdle)
}

// probeSome probes up to most of the workers that have work, or of those that have
// none, beginning where the last round ended.
func (l *loop) probeSome(busy bool, next *cursor, most int) {
	skip, asked := next.offset, 0
	for id := range l.core.Probeable(busy) {
		if skip > 0 {
			skip--
			continue
		}
		if asked == most {
			next.offset += most
			l.probes.asked += asked
			return
		}
		asked++
		l.sendProbe(id)
	}
	next.offset = 0
	l.probes.asked += asked
}

func (l *loop) sendProbe(id ha.WorkerID) {
	body := subjects.AppendActivate(nil, subjects.Activate{ID: id, Order: subjects.OrderProbe, Epoch: l.term.Epoch()})
	if err := l.d.nc.PublishRequest(l.d.names.ActivateDirect(id), l.probes.inbox+"."+string(id), body); err != nil {
		l.d.cfg.Log.Debug().Err(err).Str("worker", string(id)).Msg("probing")
	}
}

// noteMiss counts that nobody listens on the worker's subject.
func (l *loop) noteMiss(id ha.WorkerID) {
	m := l.probes.missed[id]
	if m == nil {
		m = &misses{since: time.Now()}
		l.probes.missed[id] = m
	}
	m.n++
	m.fresh = true
}

// removeGone removes the workers that the last rounds show to be gone.
func (l *loop) removeGone(now time.Time) {
	p := &l.probes
	enough := probeMisses
	if len(p.missed) >= manyGone && 2*len(p.missed) >= p.asked {
		enough = probeMissesMany
	}
	for id, m := range p.missed {
		switch {
		case !m.fresh || l.core.LastSeen(id).After(m.since):
			delete(p.missed, id)
		case m.n >= enough:
			delete(p.missed, id)
			l.d.cfg.Log.Warn().Str("worker", string(id)).Int("probes", m.n).Msg("worker's process is gone")
			l.term.Handle(term.Request{Input: step.Gone{At: now.UTC(), Worker: id}})
		default:
			m.fresh = false
		}
	}
}
