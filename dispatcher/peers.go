package dispatcher

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// presenceEvery is how often a dispatcher tells the others where it stands.
	presenceEvery = 2 * time.Second
	// presenceKept is for how long it is believed.
	presenceKept = 3 * presenceEvery
)

// roleStarting is what a dispatcher is before it has opened the journal.
const roleStarting = "starting"

// place is where this dispatcher stands, for those outside the loop. It may be
// used concurrently.
type place struct {
	mu       sync.Mutex
	role     journal.Role
	epoch    ha.Epoch
	position uint64
}

func (p *place) set(m *journal.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.role, p.epoch, p.position = m.Role(), ha.Epoch(m.Epoch()), m.Position()
}

func (p *place) get() (role journal.Role, epoch ha.Epoch, position uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.role, p.epoch, p.position
}

// group is what the other dispatchers say of themselves. It is soft: for people
// who look at the status, and never a ground for a decision.
type group struct {
	mu    sync.Mutex
	heard map[string]presence
}

type presence struct {
	subjects.Dispatcher
	at time.Time
}

// peers is the exchange of presences.
type peers struct {
	sub  *nats.Subscription
	quit chan struct{}
	wg   sync.WaitGroup
}

// meetPeers begins to tell where this dispatcher stands and to listen to the others.
func (d *Dispatcher) meetPeers() (*peers, error) {
	d.group.heard = make(map[string]presence)
	sub, err := d.nc.Subscribe(d.names.DispatcherAll(), func(m *nats.Msg) {
		var p presence
		if json.Unmarshal(m.Data, &p.Dispatcher) != nil || !ha.ValidToken(p.Name) || len(m.Data) > subjects.MaxBody {
			d.malformed.Add(1)
			return
		}
		p.at = time.Now()
		d.group.mu.Lock()
		defer d.group.mu.Unlock()
		if _, known := d.group.heard[p.Name]; known || len(d.group.heard) < 1000 {
			d.group.heard[p.Name] = p
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen to the other dispatchers: %w", err)
	}
	p := &peers{sub: sub, quit: make(chan struct{})}
	p.wg.Go(func() { d.tellPeers(p.quit) })
	return p, nil
}

func (p *peers) stop() {
	close(p.quit)
	p.wg.Wait()
	_ = p.sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
}

func (d *Dispatcher) tellPeers(quit <-chan struct{}) {
	ticker := time.NewTicker(presenceEvery)
	defer ticker.Stop()
	for {
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
		}
	}
}

func (d *Dispatcher) presence() subjects.Dispatcher {
	role, epoch, position := d.place.get()
	switch {
	case role == "":
		role = roleStarting
	case role == journal.RoleLeader && !d.permit.Load().lasts(d.clock()):
		// A process that was stopped and woke: it must be heard by the journal before it
		// may call itself the leader again.
		role = journal.RoleCandidate
	}
	return subjects.Dispatcher{Name: d.cfg.Name, Epoch: epoch, Role: string(role), Position: position, Trouble: d.health.get()}
}

// dispatchers lists this dispatcher and those heard of lately, by name.
func (d *Dispatcher) dispatchers() []subjects.Dispatcher {
	list := []subjects.Dispatcher{d.presence()}
	d.group.mu.Lock()
	defer d.group.mu.Unlock()
	for name, p := range d.group.heard {
		if time.Since(p.at) > presenceKept {
			delete(d.group.heard, name)
		} else if name != d.cfg.Name {
			list = append(list, p.Dispatcher)
		}
	}
	slices.SortFunc(list, func(a, b subjects.Dispatcher) int { return strings.Compare(a.Name, b.Name) })
	return list
}
