package sim

import (
	"errors"
	"fmt"
	"math"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// throttle is what lets the tasks of a kind, a pool or a key start, or not.
type throttle struct {
	rule
	running int
	// starts are those under this rule and this leader's clock.
	starts []time.Time
	epoch  ha.Epoch
	was    []rule // with the present one
}

// rule is what is set of a throttle.
type rule struct {
	at       time.Duration // true time
	paused   bool
	limit    int // 0: none
	interval time.Duration
	burst    int
}

func throttleOf(throttles map[string]*throttle, name string) *throttle {
	g := throttles[name]
	if g == nil {
		g = &throttle{was: []rule{{}}}
		throttles[name] = g
	}
	return g
}

func (b *books) enterRule(r *record.RuleSet) error {
	var g *throttle
	switch {
	case r.Kind != "":
		g = throttleOf(b.kinds, r.Kind)
	case r.Pool != "":
		g = throttleOf(b.pools, r.Pool)
	case r.Key != "":
		g = throttleOf(b.keys, r.Key)
	default:
		return errors.New("it names nothing")
	}
	g.rule = rule{b.w.now, r.Paused, r.Concurrency, r.Interval, r.Burst}
	g.was, g.starts = append(g.was, g.rule), nil
	return nil
}

// throttlesOf returns those of t: of its kind, its pool and its key, the last nil if it has none.
func (b *books) throttlesOf(t *task) (kind, pool, key *throttle) {
	if t.spec.ConcurrencyKey != "" {
		key = throttleOf(b.keys, t.spec.ConcurrencyKey)
	}
	return throttleOf(b.kinds, t.kind()), throttleOf(b.pools, t.spec.Pool), key
}

// mayPass checks that nothing holds t back.
func (b *books) mayPass(t *task, at time.Time) error {
	kind, pool, key := b.throttlesOf(t)
	for _, g := range []*throttle{kind, pool} {
		if g.paused || g.limit > 0 && g.running >= g.limit {
			return fmt.Errorf("it starts, paused: %v, with %d of its kind or pool running of %d", g.paused, g.running, g.limit)
		}
	}
	if key != nil && b.limitOf(key) > 0 && key.running >= b.limitOf(key) {
		return fmt.Errorf("it starts with %d of its key running of %d", key.running, b.limitOf(key))
	}
	if kind.epoch != b.epoch {
		kind.epoch, kind.starts = b.epoch, nil
	}
	if kind.interval == 0 {
		return nil
	}
	for i, first := range kind.starts {
		n := time.Duration(len(kind.starts) - i + 1)
		if in := at.Sub(first); in < (n-time.Duration(kind.burst))*kind.interval {
			return fmt.Errorf("it is the start number %d of its kind in %s, with a burst of %d and one in %s", n, in, kind.burst, kind.interval)
		}
	}
	return nil
}

// limitOf is how many tasks of a key may run; 0: any number.
func (b *books) limitOf(key *throttle) int {
	if key.limit > 0 {
		return key.limit
	}
	return throttleOf(b.keys, "*").limit
}

// countRunning counts that t runs, or runs no longer.
func (b *books) countRunning(t *task, at time.Time, n int) {
	kind, pool, key := b.throttlesOf(t)
	kind.running += n
	pool.running += n
	if key != nil {
		key.running += n
	}
	if n > 0 && kind.interval > 0 {
		kind.starts = append(kind.starts, at)
	}
}

// heldBack reports whether something but the rate keeps t from starting. Of a key the
// places are also taken by tasks that only wait for a worker by now.
func (b *books) heldBack(t *task) bool {
	kind, pool, key := b.throttlesOf(t)
	for _, g := range []*throttle{kind, pool} {
		if g.paused || g.limit > 0 && g.running >= g.limit {
			return true
		}
	}
	if key == nil || b.limitOf(key) == 0 {
		return false
	}
	others := key.running
	for _, u := range b.tasks {
		if u != t && u.state == ha.TaskPending && u.spec.ConcurrencyKey == t.spec.ConcurrencyKey {
			others++
		}
	}
	return others >= b.limitOf(key)
}

// wasSo reports whether a rule of g was so at a time since a true time.
func (g *throttle) wasSo(since time.Duration, so func(rule) bool) bool {
	for i, r := range g.was {
		if (i+1 == len(g.was) || g.was[i+1].at >= since) && so(r) {
			return true
		}
	}
	return false
}

// interval is the time that a start uses up at that rate.
func interval(rate float64) time.Duration {
	if rate == 0 {
		return 0
	}
	return time.Duration(math.Round(float64(time.Second) / rate))
}
