package dispatcher

import (
	"strconv"
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
// task would be given to one that is dead. [term.Probing] decides what follows from it.
//
// One such message proves nothing: a connection that broke comes back within a
// second or so. Only several in a row do, with nothing heard of the worker
// meanwhile. If many workers seem to be gone at once it was more likely a server
// that died, and their clients are on the way to another; then more is asked for.
const (
	// probeEvery is the time between two probes of a worker.
	probeEvery = 350 * time.Millisecond
	// probeGrace is the time that everybody is given after this dispatcher began to
	// lead, or connected anew.
	probeGrace = 1500 * time.Millisecond
)

// prober sends the probes of a leadership. It belongs to the loop.
type prober struct {
	l       *loop
	probing *term.Probing
	// due is when the next round is.
	due     time.Time
	answers chan probeAnswer
	inbox   string
	sub     *nats.Subscription

	reconnects uint64
}

// probeAnswer says that there was nobody for a probe or, if at is 0, that the last one of the
// round has been answered.
type probeAnswer struct {
	worker ha.WorkerID
	at     term.ProbePlace
	round  uint64
}

func newProber(l *loop) *prober {
	return &prober{l: l, probing: term.NewProbing(l.core)}
}

// listen subscribes to what comes back. Without that there are no probes.
func (p *prober) listen() {
	nc := p.l.d.nc
	p.due = time.Now().Add(probeGrace)
	p.answers = make(chan probeAnswer, 2*term.MostProbes+1)
	p.reconnects = nc.Stats().Reconnects
	p.inbox = nc.NewInbox()
	answers, inbox := p.answers, p.inbox
	lost := uint64(0) // the last round of which an answer was dropped
	sub, err := nc.Subscribe(inbox+".>", func(m *nats.Msg) {
		if len(m.Data) > 0 || m.Header.Get("Status") != "503" {
			return
		}
		a, ok := parseProbe(strings.TrimPrefix(m.Subject, inbox+"."))
		if !ok || a.at == 0 && a.round <= lost {
			return
		}
		select {
		case answers <- a:
		default: // the loop is behind; the next round tells again
			lost = max(lost, a.round)
		}
	})
	if err != nil {
		p.l.d.cfg.Log.Warn().Err(err).Msg("listening for workers that are gone")
		p.answers = nil
		return
	}
	p.sub = sub
}

// probeInbox is the subject, below the inbox, to which the answer to a probe goes.
func probeInbox(a probeAnswer) string {
	return strconv.FormatUint(a.round, 10) + "." + strconv.Itoa(int(a.at)) + "." + string(a.worker)
}

// parseProbe is the reverse of probeInbox.
func parseProbe(subject string) (a probeAnswer, ok bool) {
	round, rest, _ := strings.Cut(subject, ".")
	at, id, ok := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(round, 10, 64)
	place, err2 := strconv.ParseUint(at, 10, 8)
	return probeAnswer{worker: ha.WorkerID(id), at: term.ProbePlace(place), round: n}, ok && err == nil && err2 == nil
}

func (p *prober) stop() {
	if p.sub != nil {
		_ = p.sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
	}
}

// take notes what came back.
func (p *prober) take(a probeAnswer) {
	if a.at == 0 {
		p.probing.Complete(a.round)
		return
	}
	p.probing.Missed(a.worker, a.at, a.round)
}

// round sends the next round, if it is due.
func (p *prober) round(now time.Time) {
	if p.answers == nil {
		p.due = now.Add(time.Hour)
		return
	}
	if now.Before(p.due) {
		return
	}
	p.due = now.Add(probeEvery)
	if n := p.l.d.nc.Stats().Reconnects; n != p.reconnects {
		p.reconnects, p.due = n, now.Add(probeGrace)
		p.probing.Forget()
		return
	}
	for _, gone := range p.probing.Gone() {
		p.l.d.cfg.Log.Warn().Str("worker", string(gone.Worker)).Int("probes", gone.Probes).Msg("worker's process is gone")
		p.l.term.Handle(term.Request{Input: step.Gone{Worker: gone.Worker}})
	}
	if !(gate{p.l.d}).open() {
		return
	}
	names := p.l.d.names
	round, probes := p.probing.Round()
	for id, at := range probes {
		subject := names.Probe(id)
		if at == term.AtOrders {
			subject = names.ActivateDirect(id)
		}
		p.send(subject, probeAnswer{worker: id, at: at, round: round})
	}
	// The server answers in order: what is behind this one was answered before it.
	p.send(names.ProbeNobody(), probeAnswer{worker: "-", round: round})
}

func (p *prober) send(subject string, a probeAnswer) {
	body := subjects.AppendActivate(nil, subjects.Activate{ID: a.worker, Order: subjects.OrderProbe, Epoch: p.l.term.Epoch()})
	if err := p.l.d.nc.PublishRequest(subject, p.inbox+"."+probeInbox(a), body); err != nil {
		p.l.d.cfg.Log.Debug().Err(err).Str("worker", string(a.worker)).Msg("probing")
	}
}
