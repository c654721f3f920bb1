package sim

import (
	"fmt"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// taskSettings is what a world has of tasks beside the books, the clients and the handlers.
type taskSettings struct {
	on           bool // there are any
	kinds, pools []string
	remaining    int           // things that clients may still ask for
	skew         time.Duration // how far apart the clocks of dispatchers and clients are set, at most
	work         time.Duration // that a handler takes, at most
	watched      bool          // what went wrong before the world was healed is over
	rest         bool          // handlers have no bad habits any more

	// intended is what clients mean their tasks to be, by [token], whatever becomes of
	// it on the way, and ids lists all of them.
	intended map[string]*ha.TaskSpec
	ids      []ha.TaskID
	// said is what workers reported, whether or not it ever arrived.
	said map[ha.ActivationID]step.Finished
	// Somebody has asked for these to happen.
	gone, leavers      map[ha.WorkerID]bool
	cancelled, revived map[ha.TaskID]bool
	hurried, deleted   map[ha.TaskID]bool
	revivedKinds       map[string]bool
}

// drawTasks draws whether and how there are tasks.
func (w *world) drawTasks() {
	k := &w.tasks
	*k = taskSettings{
		on: w.chance(650), kinds: []string{"k0", "k1", "k2"}, pools: []string{"default", "p1"},
		remaining: pick(w, 50, 150, 300), skew: pick(w, 0, time.Second, 20*time.Second),
		work:     pick(w, 100*time.Millisecond, time.Second, 3*time.Second),
		intended: map[string]*ha.TaskSpec{}, said: map[ha.ActivationID]step.Finished{}, gone: map[ha.WorkerID]bool{}, leavers: map[ha.WorkerID]bool{},
		cancelled: map[ha.TaskID]bool{}, revived: map[ha.TaskID]bool{}, hurried: map[ha.TaskID]bool{}, deleted: map[ha.TaskID]bool{}, revivedKinds: map[string]bool{},
	}
	w.drawTaskLimits(&w.cfg.TaskConfig)
	if !k.on {
		return
	}
	for i := range 1 + w.rng.IntN(2) {
		c := &client{node: w.syncedNode(fmt.Sprintf("c%d", i)), pace: pick(w, 200*time.Millisecond, time.Second), open: map[uint64]*operation{}}
		w.clients = append(w.clients, c)
	}
}

// drawTaskLimits draws the settings of a dispatcher that are about tasks.
func (w *world) drawTaskLimits(cfg *core.TaskConfig) {
	cfg.Aging = pick(w, 0, time.Second, 10*time.Minute)
	cfg.TaskTimeout = pick(w, 2*time.Second, 10*time.Second)
	cfg.MaxTasks, cfg.MaxTaskBytes = pick(w, 15, 1000, 1000, 1000), 1<<20
	cfg.Retain, cfg.RetainFailed = pick(w, 0, 10*time.Second, time.Hour, time.Hour), pick(w, 10*time.Second, time.Hour)
	cfg.RetainTasks, cfg.RetainBytes = pick(w, 10, 1000, 1000), pick[int64](w, 10_000, 1<<30, 1<<30)
}

// syncedNode makes a node whose clock somebody looks after.
func (w *world) syncedNode(name string) node {
	n := w.node(name)
	if w.tasks.on {
		n.clock.offset = w.randomTime(w.tasks.skew)
	}
	return n
}

// drawKinds draws what kinds of tasks a worker takes, if any. The first takes all.
func (w *world) drawKinds(v *worker) {
	k := &w.tasks
	switch {
	case !k.on:
		if w.chance(60) {
			v.kinds = []string{"sha512"}
		}
	case len(w.workers) == 0:
		v.manners, v.slots, v.kinds, v.pools = obedient, 2, k.kinds, k.pools
	case v.manners != simple && w.chance(500):
		v.pools = k.pools[:1]
		if w.chance(400) {
			v.pools = k.pools
		}
		for len(v.kinds) == 0 {
			for _, kind := range k.kinds {
				if w.chance(500) {
					v.kinds = append(v.kinds, kind)
				}
			}
		}
	}
}

// skew returns how far apart the clocks of the dispatchers are by now.
func (w *world) skew() time.Duration {
	low, high := w.dispatchers[0].monotonic(), w.dispatchers[0].monotonic()
	for _, d := range w.dispatchers {
		low, high = min(low, d.monotonic()), max(high, d.monotonic())
	}
	return high - low
}

// token is what a payload says of which task it is for, whatever its id.
func token(payload []byte) string { return strings.Trim(string(payload), `"`+endless+poison) }

// declareGone tells whoever leads that a worker's process is gone.
func (w *world) declareGone(id ha.WorkerID) {
	w.tasks.gone[id] = true
	for _, d := range w.dispatchers {
		if d.leads() && !d.paused && !d.leaving {
			w.nemesis.tally.Tasks.Gone++
			d.term.inbox = append(d.term.inbox, incoming{request: d.mutated(request{input: step.Gone{Worker: id}})})
			d.term.proceed()
		}
	}
}

// died is called when the process of a registered worker ends. Probes may find that out.
func (n *nemesis) died(id ha.WorkerID) {
	w := n.w
	if w.tasks.on && !w.calm && w.chance(600) {
		w.at(time.Second+w.randomTime(time.Second), func() { w.declareGone(id) })
	}
}

// slander has a living worker taken for dead, as probes might whose answers are cut off.
func (n *nemesis) slander(o *worker) {
	if o.up && o.s != nil {
		n.tally.Tasks.Slandered++
		n.w.declareGone(o.s.id)
	}
}

// harass does harm that concerns tasks.
func (n *nemesis) harass(o *worker, d *dispatcher) {
	w := n.w
	c := w.clients[w.rng.IntN(len(w.clients))]
	switch w.rng.IntN(4) {
	case 0:
		n.slander(o)
	case 1:
		n.pauseNode(&c.node, 20*time.Second)
	case 2:
		n.cut(&c.node, &d.node)
	default:
		n.cut(&c.node, nodes(w.dispatchers)...)
	}
}
