package term_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// prey is a fleet of direct workers, and who listens where.
type prey struct {
	t       *testing.T
	core    *core.Core
	probing *term.Probing
	now     time.Time // the elapsed time
	ids     []ha.WorkerID
	// listens says where each one listens; a watcher listens to all orders.
	listens map[ha.WorkerID]map[term.ProbePlace]bool
	watched bool
	// lost: the answers to a round do not all come.
	lost bool
	sent map[term.ProbePlace]int
}

// newPrey returns a fleet of so many workers at an elapsed time that has nothing to do with the
// clock of the machine.
func newPrey(t *testing.T, workers int) *prey {
	t.Helper()
	p := &prey{t: t, now: time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC), listens: map[ha.WorkerID]map[term.ProbePlace]bool{}, sent: map[term.ProbePlace]int{}}
	p.core = core.New(core.Config{FleetConfig: core.FleetConfig{Timing: ha.DefaultTiming(), ActivateEvery: time.Hour, ShareWindow: 100, MaxWorkers: 100}})
	if err := p.core.Lead(p.now, 1, "d1", &step.Ready{}); err != nil {
		t.Fatal(err)
	}
	p.probing = term.NewProbing(p.core)
	for i := range workers {
		r := p.core.Step(step.Hello{At: p.now, Weight: 1, Slots: 1, Instance: fmt.Sprint(i), Direct: true, Pools: []string{"default"}}, &step.Ready{})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		p.ids = append(p.ids, r.Worker)
		p.listens[r.Worker] = map[term.ProbePlace]bool{term.AtProbes: true, term.AtOrders: true}
	}
	p.pass(time.Second) // for their subscriptions
	return p
}

func (p *prey) pass(d time.Duration) {
	p.now = p.now.Add(d)
	p.core.Step(step.Tick{At: p.now}, &step.Ready{})
}

// round plays one round and returns who is gone by then.
func (p *prey) round() []term.Goner {
	p.pass(350 * time.Millisecond)
	gone := p.probing.Gone()
	round, probes := p.probing.Round()
	type miss struct {
		id ha.WorkerID
		at term.ProbePlace
	}
	var missed []miss
	for id, at := range probes {
		p.sent[at]++
		if !p.listens[id][at] && (!p.watched || at != term.AtOrders) {
			missed = append(missed, miss{id, at})
		}
	}
	for _, m := range missed {
		if !p.lost {
			p.probing.Missed(m.id, m.at, round)
		}
	}
	if !p.lost {
		p.probing.Complete(round)
	}
	return gone
}

// until plays rounds until somebody is gone, and returns how many that took.
func (p *prey) until(most int) (rounds int, gone []term.Goner) {
	for rounds = range most {
		if gone = p.round(); len(gone) > 0 {
			return rounds + 1, gone
		}
	}
	return most, nil
}

func (p *prey) dies(i int) { p.listens[p.ids[i]] = nil }

// TestWatchingDoesNotHideADeath is what a watcher of all orders did: the dead worker seemed to listen.
func TestWatchingDoesNotHideADeath(t *testing.T) {
	p := newPrey(t, 2)
	p.watched = true
	if _, gone := p.until(40); gone != nil {
		t.Fatalf("%v are gone", gone)
	}
	if p.sent[term.AtOrders] > 0 {
		t.Errorf("%d probes went where people watch", p.sent[term.AtOrders])
	}
	p.dies(0)
	if rounds, gone := p.until(10); rounds != 4 || !slices.Equal(gone, []term.Goner{{Worker: p.ids[0], Probes: 3}}) {
		t.Errorf("after %d rounds %v are gone, want the first worker after 4", rounds, gone)
	}
}

func TestOldWorkersAreProbedWhereTheirOrdersCome(t *testing.T) {
	p := newPrey(t, 2)
	p.listens[p.ids[1]][term.AtProbes] = false
	if _, gone := p.until(100); gone != nil {
		t.Fatalf("%v are gone", gone)
	}
	if n := p.sent[term.AtOrders]; n != 99 {
		t.Errorf("%d probes of the old worker at its orders in 100 rounds, want 99", n)
	}
	if n := p.sent[term.AtProbes]; n < 102 || n > 105 {
		t.Errorf("%d probes at probe subjects, want 100 and a few tries", n)
	}
	p.dies(1)
	if rounds, gone := p.until(10); rounds != 4 || len(gone) != 1 || gone[0].Worker != p.ids[1] {
		t.Errorf("after %d rounds %v are gone, want the old worker after 4", rounds, gone)
	}
}

// TestAWorkerThatDiedBeforeIsFound died together with the leader before.
func TestAWorkerThatDiedBeforeIsFound(t *testing.T) {
	p := newPrey(t, 2)
	p.dies(0)
	if rounds, gone := p.until(10); rounds != 5 || len(gone) != 1 || gone[0].Worker != p.ids[0] {
		t.Errorf("after %d rounds %v are gone, want the dead worker after 5", rounds, gone)
	}
}

// TestALateListenerIsProbedInPrivate was not allowed to, or late, and listens now.
func TestALateListenerIsProbedInPrivate(t *testing.T) {
	p := newPrey(t, 1)
	p.listens[p.ids[0]][term.AtProbes] = false
	p.until(2)
	p.listens[p.ids[0]][term.AtProbes] = true
	p.until(40)
	before := p.sent[term.AtOrders]
	p.until(40)
	if p.sent[term.AtOrders] != before {
		t.Errorf("%d probes at its orders, although it listens for probes", p.sent[term.AtOrders]-before)
	}
}

// TestWhoIsHeardOfIsNotGone loses the subscription, and its heartbeats come. The elapsed time is
// years behind the machine's clock.
func TestWhoIsHeardOfIsNotGone(t *testing.T) {
	p := newPrey(t, 2)
	p.until(3)
	p.dies(0)
	for range 20 {
		if gone := p.round(); len(gone) > 0 {
			t.Fatalf("%v are gone, and were heard of", gone)
		}
		p.core.Step(step.Heartbeat{At: p.now, Worker: p.ids[0]}, &step.Ready{})
	}
	if _, gone := p.until(10); len(gone) != 1 || gone[0].Worker != p.ids[0] {
		t.Errorf("%v are gone, want the silent one", gone)
	}
}

// TestAnswersThatAreLostProveNothing: a worker that does not listen must not be taken for one that
// does, and be judged by that.
func TestAnswersThatAreLostProveNothing(t *testing.T) {
	p := newPrey(t, 1)
	p.listens[p.ids[0]][term.AtProbes] = false
	p.lost = true
	p.until(20)
	p.lost = false
	if _, gone := p.until(60); gone != nil {
		t.Errorf("%v are gone, and listen to their orders", gone)
	}
}

// TestManySilentAtOnce are rather on their way to another server.
func TestManySilentAtOnce(t *testing.T) {
	p := newPrey(t, 4)
	p.until(3)
	for i := range 3 {
		p.dies(i)
	}
	if rounds, gone := p.until(10); rounds != 6 || len(gone) != 3 {
		t.Errorf("after %d rounds %v are gone, want three after 6", rounds, gone)
	}
	p.probing.Forget()
}
