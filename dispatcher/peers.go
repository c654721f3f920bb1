package dispatcher

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// presenceEvery is how often a dispatcher announces its state to the others, besides when its
	// troubles change.
	presenceEvery = 2 * time.Second
	// presenceKept is for how long it is believed.
	presenceKept = 3 * presenceEvery
	// presenceShown is for how long one that is not heard any more is shown as silent.
	presenceShown = time.Minute
	// twinWindow is how long after its start a dispatcher gives way to another one of its name.
	twinWindow = 10 * time.Second
	// presenceRemembered is for how long a dispatcher that is not heard any more is
	// remembered, and maxPresence how many are.
	presenceRemembered = term.Remembered
	// answerPause keeps those who start again and again from making the others talk all the time.
	answerPause = 20 * time.Millisecond
	maxPresence = 1000
)

// memberState is the role, epoch and position of this dispatcher, for readers outside the
// loop. It may be used concurrently.
type memberState struct {
	mu       sync.Mutex
	role     journal.Role
	epoch    ha.Epoch
	position uint64
	high     uint64 // the highest position there was
	whole    uint64 // what is before it may be removed from the journal
	cleaning uint64 // what the next snapshot may take, in bytes
}

func (p *memberState) set(t *term.Term) {
	cleaning := t.Cleaning()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.role, p.epoch, p.position = t.Role(), t.Epoch(), t.Position()
	p.high, p.whole, p.cleaning = max(p.high, p.position), max(p.whole, cleaning.LastWhole), cleaning.Needs
}

// highest returns the highest position that this dispatcher had.
func (p *memberState) highest() uint64 {
	position, _ := p.purgeable()
	return position
}

// purgeable returns the highest position that this dispatcher had, and before which entry the journal may be
// purged by a leader, as far as is known at that position.
func (p *memberState) purgeable() (position, whole uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.high, p.whole
}

// needs returns about how many bytes the next snapshot may take.
func (p *memberState) needs() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cleaning
}

// standBy says that this dispatcher is nothing but a standby, between two terms.
func (p *memberState) standBy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.role = journal.RoleStandby
}

func (p *memberState) get() (role journal.Role, epoch ha.Epoch, position uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.role, p.epoch, p.position
}

// peerList is what the other dispatchers say of themselves. It is soft: for people
// that look at the status, and never a ground for a decision.
type peerList struct {
	mu    sync.Mutex
	heard map[string]presence // by name
	rows  map[string]presence // by name and instance, of those that are shown
	// raised tells that somebody told of a mark higher than any before.
	raised  chan struct{}
	highest mark.Position
}

type presence struct {
	subjects.Dispatcher
	at time.Time
}

// note remembers what a dispatcher said. When there are too many, the one that was heard
// longest ago is forgotten.
func (l *peerList) note(p presence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.heard[p.Name]; !known && len(l.heard) >= maxPresence {
		oldest := p
		for _, other := range l.heard {
			if other.at.Before(oldest.at) {
				oldest = other
			}
		}
		delete(l.heard, oldest.Name)
	}
	l.heard[p.Name] = p
	switch key := p.Name + " " + p.Instance; {
	case p.Role == subjects.RoleStopped:
		delete(l.rows, key)
	case len(l.rows) < maxPresence || l.rows[key].Name != "":
		if l.rows == nil {
			l.rows = map[string]presence{}
		}
		l.rows[key] = p
	}
	if at, ok := p.markPosition(); ok && at.Compare(l.highest) > 0 {
		l.highest = at
		select {
		case l.raised <- struct{}{}:
		default:
		}
	}
}

// unableToRead lists the dispatchers other than own that were heard in the last hour and
// cannot read that format, by name, each with the newest format that it reads and when it
// was heard last.
func (l *peerList) unableToRead(f int, own string, now time.Time) []term.Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]term.Reader, 0, len(l.heard))
	for name, p := range l.heard {
		if name != own {
			list = append(list, term.Reader{Name: name, Format: p.Format, Ago: now.Sub(p.at)})
		}
	}
	slices.SortFunc(list, func(a, b term.Reader) int { return strings.Compare(a.Name, b.Name) })
	return term.UnableToRead(list, f)
}

// presenceExchange announces the state of this dispatcher and listens to the others.
type presenceExchange struct {
	d    *Dispatcher
	sub  *nats.Subscription
	quit chan struct{}
	wg   sync.WaitGroup
}

// exchangePresence begins to announce the state of this dispatcher and to listen to the others.
func (d *Dispatcher) exchangePresence() (*presenceExchange, error) {
	d.peers.heard = make(map[string]presence)
	sub, err := d.nc.Subscribe(d.names.DispatcherAll(), func(m *nats.Msg) {
		said, err := subjects.DecodeDispatcher(m.Data)
		if err != nil {
			d.malformed.Add(1)
			return
		}
		p := presence{Dispatcher: said, at: time.Now()}
		d.peers.note(p)
		if p.Name == d.cfg.Name && p.Instance != "" && p.Instance != d.instance {
			d.meetTwin(p.Dispatcher)
		}
		if p.Role == subjects.RoleStarting && p.Instance != d.instance {
			select {
			case d.asked <- struct{}{}: // it wants to know about the others before it leads
			default:
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen to the other dispatchers: %w", err)
	}
	p := &presenceExchange{d: d, sub: sub, quit: make(chan struct{})}
	p.wg.Go(func() { d.announcePresence(p.quit) })
	return p, nil
}

func (p *presenceExchange) stop() {
	close(p.quit)
	p.wg.Wait()
	p.leave()
	_ = p.sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
}

// leave tells the others that this dispatcher ends, so that it is not taken for one that fell silent.
func (p *presenceExchange) leave() {
	d := p.d
	if !d.nc.IsConnected() {
		return
	}
	last := d.presence()
	last.Role = subjects.RoleStopped
	body, err := json.Marshal(last)
	if err == nil {
		err = d.nc.Publish(d.names.Dispatcher(d.cfg.Name), body)
	}
	if err == nil {
		err = d.nc.FlushTimeout(time.Second)
	}
	if err != nil {
		d.cfg.Log.Debug().Err(err).Msg("telling the other dispatchers of the end")
	}
}

// ErrNameTaken is returned by Run if another dispatcher of the same name was running when this one started.
var ErrNameTaken = errors.New("the name of the dispatcher is taken")

// meetTwin takes note that another dispatcher has the same name. Whoever has just started gives way; one that was started
// again after it was killed does not meet its former self.
func (d *Dispatcher) meetTwin(other subjects.Dispatcher) {
	mine := time.Since(d.began).Milliseconds()
	younger := mine < other.UptimeMS || mine == other.UptimeMS && d.instance > other.Instance
	if younger && time.Since(d.began) < twinWindow {
		d.giveWay(fmt.Errorf("%w: another dispatcher called %s has run for %s; stop it, or give this one another name (--name)",
			ErrNameTaken, d.cfg.Name, (time.Duration(other.UptimeMS) * time.Millisecond).Round(time.Second)))
		return
	}
	d.twinHeard.Store(time.Now().UnixNano())
	d.health.note(troubleTwin, fmt.Errorf("another dispatcher is called %s, too: stop one of them, or give it another name (--name)", d.cfg.Name))
}

// forgetTwin ends the trouble about another dispatcher of the same name when that is not heard any more.
func (d *Dispatcher) forgetTwin() {
	if at := d.twinHeard.Load(); at != 0 && time.Since(time.Unix(0, at)) > presenceKept && d.twinHeard.CompareAndSwap(at, 0) {
		d.health.note(troubleTwin, nil)
	}
}

func (d *Dispatcher) announcePresence(quit <-chan struct{}) {
	ticker := time.NewTicker(presenceEvery)
	defer ticker.Stop()
	for {
		d.forgetTwin()
		body, err := json.Marshal(d.presence())
		if err == nil {
			err = d.nc.Publish(d.names.Dispatcher(d.cfg.Name), body)
		}
		if err != nil {
			d.cfg.Log.Debug().Err(err).Msg("telling the other dispatchers")
		}
		select {
		case <-quit:
			return
		case <-ticker.C:
		case <-d.health.changed:
		case <-d.asked:
			if pause.Sleep(context.Background(), answerPause) != nil {
				return
			}
		}
	}
}

func (d *Dispatcher) presence() subjects.Dispatcher {
	role, epoch, position := d.member.get()
	switch {
	case role == "":
		role = subjects.RoleStarting
	case role == journal.RoleLeader && !(gate{d}).open():
		// A process that was stopped and woke: it must be heard by the journal before it
		// may call itself the leader again.
		role = journal.RoleCandidate
	}
	return subjects.Dispatcher{
		Name: d.cfg.Name, Instance: d.instance, UptimeMS: time.Since(d.began).Milliseconds(),
		Epoch: epoch, Role: string(role), Position: position, Format: NewestFormat, Void: d.void.Load(), Mark: d.saidMark(),
		Trouble: d.health.get(),
	}
}

// otherLeads reports whether another dispatcher has said lately that it leads.
func (d *Dispatcher) otherLeads() bool {
	d.peers.mu.Lock()
	defer d.peers.mu.Unlock()
	for name, p := range d.peers.heard {
		if name != d.cfg.Name && p.Role == string(journal.RoleLeader) && time.Since(p.at) <= presenceKept {
			return true
		}
	}
	return false
}

// dispatchers lists this dispatcher and those heard of lately, by name.
func (d *Dispatcher) dispatchers() []subjects.Dispatcher {
	own := d.presence()
	d.peers.mu.Lock()
	defer d.peers.mu.Unlock()
	for name, p := range d.peers.heard {
		if time.Since(p.at) > presenceRemembered {
			delete(d.peers.heard, name)
		}
	}
	return d.peers.list(own, time.Now())
}

// list returns the rows of own and those heard in the last minute, by name. One of which nothing was heard for some seconds is
// silent, unless another of its name is there, which has taken its place. It is called with mu held.
func (l *peerList) list(own subjects.Dispatcher, now time.Time) []subjects.Dispatcher {
	list := []subjects.Dispatcher{own}
	there := map[string]bool{own.Name: true}
	var silent []subjects.Dispatcher
	for key, p := range l.rows {
		row, since := p.Dispatcher, now.Sub(p.at)
		row.LastHeardMS = max(1, since.Milliseconds())
		switch {
		case since > presenceShown:
			delete(l.rows, key)
		case row.Name == own.Name && row.Instance == own.Instance:
		case since > presenceKept:
			row.Role, row.Trouble = subjects.RoleSilent, ""
			silent = append(silent, row)
		default:
			if row.Role == string(journal.RoleLeader) && row.Epoch < own.Epoch {
				row.Role = string(journal.RoleDeposed)
			}
			there[row.Name] = true
			list = append(list, row)
		}
	}
	for _, row := range silent {
		if !there[row.Name] {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b subjects.Dispatcher) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Instance, b.Instance))
	})
	return list
}
