package sim

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

// nemesis does harm, until it is told to stop.
type nemesis struct {
	w      *world
	pause  time.Duration // between two strikes, at most
	strong bool          // it goes for the dispatchers and the log, too
	tally  Tally
}

// strike does one thing, and comes again.
func (n *nemesis) strike() {
	w := n.w
	if w.calm {
		return
	}
	o := w.workers[w.rng.IntN(len(w.workers))]
	d := n.victim()
	switch k := w.rng.IntN(100); {
	case w.tasks.on && w.chance(150):
		n.harass(o, d)
	case n.disturb(o, d):
	case k < 10:
		n.killWorker(o)
	case k < 26:
		n.pauseNode(&o.node, 70*time.Second)
	case k < 34:
		o.leave()
		n.restart(o, 30*time.Second)
	case k < 42:
		n.cut(&o.node, &d.node)
	case k < 48:
		n.cut(&o.node, nodes(w.dispatchers)...)
	case k < 52:
		n.cut(&d.node, nodes(w.workers)...)
	case !n.strong:
	case k < 62:
		n.killDispatcher(d)
	case k < 68:
		d.leave()
		w.at(w.randomTime(20*time.Second), d.start)
	case k < 79:
		n.pauseNode(&d.node, pick(w, 8*time.Second, 40*time.Second))
	case k < 88:
		n.cut(&d.node, &w.log.node)
	case k < 92:
		n.lag(d)
	case k < 97:
		w.log.stalled = w.now + w.randomTime(9*time.Second)
	default:
		w.log.refusing = w.now + w.randomTime(15*time.Second)
	}
	w.at(w.randomTime(n.pause), n.strike)
}

// disturb may do what neither ends nor cuts off anybody, and reports whether it did.
func (n *nemesis) disturb(o *worker, d *dispatcher) bool {
	w := n.w
	switch {
	case w.chance(40):
		w.log.intrude(pick(w, 1, 3, 200))
	case w.chance(60):
		n.stepClock(d)
	case w.chance(80):
		n.lie(o)
	case w.chance(30):
		n.shortage()
	default:
		return false
	}
	return true
}

// victim picks a dispatcher: mostly one that leads, where the harm is greatest.
func (n *nemesis) victim() *dispatcher {
	w := n.w
	if w.chance(600) {
		for _, d := range w.dispatchers {
			if d.leads() {
				return d
			}
		}
	}
	return w.dispatchers[w.rng.IntN(len(w.dispatchers))]
}

func (n *nemesis) killWorker(o *worker) {
	if o.up {
		o.kill()
	}
	n.restart(o, 30*time.Second)
}

// restart starts a worker that ended, after a while; most of them, and once all is
// healed each.
func (n *nemesis) restart(o *worker, most time.Duration) {
	if n.w.chance(800) || n.w.calm {
		n.w.at(n.w.randomTime(most), o.start)
	}
}

// ended is called when a worker ended by itself, having lost the dispatcher.
func (n *nemesis) ended(o *worker) {
	n.tally.GaveUp++
	n.restart(o, 10*time.Second)
}

func (n *nemesis) killDispatcher(d *dispatcher) {
	if !d.up {
		return
	}
	n.tally.Failovers++
	d.kill()
	n.w.at(n.w.randomTime(20*time.Second), d.start)
}

func (n *nemesis) pauseNode(v *node, most time.Duration) {
	if !v.up || v.paused {
		return
	}
	n.tally.Pauses++
	w, life := n.w, v.life
	d := w.randomTime(most)
	if w.tracing {
		w.say("%s is paused for %s", v.name, d)
	}
	v.pause()
	w.at(d, func() {
		if v.life == life {
			v.resume()
		}
	})
}

// lag makes what answers a dispatcher lag behind the log: the replica that it follows, the one
// that it asks, or both. What has been purged since they still have.
func (n *nemesis) lag(d *dispatcher) {
	w := n.w
	n.tally.Lags++
	which, long := w.rng.IntN(3), w.randomTime(20*time.Second)
	if w.tracing {
		w.say("what %s knows of the log lags for %s (%d)", d.name, long, which)
	}
	if which != 0 {
		w.log.lag(&d.follows, long)
	}
	if which != 1 {
		w.log.lag(&d.asks, long)
	}
	w.at(long, d.feed)
}

// cut separates a node from others, in one direction or in both.
func (n *nemesis) cut(a *node, others ...*node) {
	n.tally.Cuts++
	w := n.w
	direction, d := w.rng.IntN(3), w.randomTime(time.Minute)
	for _, b := range others {
		links := []link{{a, b}, {b, a}}
		switch direction {
		case 0:
			links = links[:1]
		case 1:
			links = links[1:]
		}
		for _, l := range links {
			if w.tracing {
				w.say("%s does not reach %s for %s", l.from.name, l.to.name, d)
			}
			w.bus.cut(l)
			w.at(d, func() { w.bus.mend(l) })
		}
	}
}

func nodes[R receiver](of []R) (all []*node) {
	for _, r := range of {
		all = append(all, r.self())
	}
	return all
}

// heal ends all harm: from here on the world is as it should be.
func (w *world) heal() {
	if w.tracing {
		w.say("all is healed")
	}
	w.calm = true
	w.setShort(false)
	w.bus.faults = faults{}
	clear(w.bus.cuts)
	w.log.slowest, w.log.stalled = promptDelay, 0
	for _, d := range w.dispatchers {
		if d.reads < format.Newest && (!d.up || w.log.sieve.Format() >= format.Newest) {
			d.installs = format.Newest
		}
		if len(w.log.own) == 0 {
			d.wall = 0 // which the date will begin with
		}
		d.follows, d.asks = replica{}, replica{}
		d.feed()
		d.resume()
		if d.leaving && d.up {
			d.kill()
		}
		d.start()
	}
	for _, c := range w.clients {
		c.resume()
	}
	some := false
	for i, o := range w.workers {
		o.resume()
		all := w.tasks.on && i == 0 // somebody has to take all tasks
		if all && o.leaving && o.up {
			o.kill()
		}
		if w.chance(700) || all {
			o.start()
		}
		some = some || o.up && !o.leaving
	}
	if !some {
		w.workers[0].kill()
		w.workers[0].start()
	}
}
