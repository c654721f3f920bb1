package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
)

// fate is what is to become of a task. It is the first word of the task's id: so the
// worker knows it, and whoever reads a log.
type fate string

const (
	plain     fate = "plain"     // completes
	transient fate = "transient" // fails or panics some times, then completes
	leased    fate = "leased"    // completes, and has little time: a worker that is paused loses it
	stepped   fate = "stepped"   // has steps, of which some fail for a time, and some that may for good
	broken    fate = "broken"    // has steps, of which one fails for good that must not
	permanent fate = "permanent" // fails for good
	hopeless  fate = "hopeless"  // fails each time
	slow      fate = "slow"      // takes longer than it may, and heeds its context
	stuck     fate = "stuck"     // the same, and does not heed it
	expired   fate = "expired"   // is not to be started
	held      fate = "held"      // runs until it is cancelled
	never     fate = "never"     // waits until it is cancelled
	raced     fate = "raced"     // would complete, and is cancelled at some moment
	poison    fate = "poison"    // kills each worker that runs it
)

// fateOf reads the fate out of an id.
func fateOf(id ha.TaskID) fate {
	word, _, _ := strings.Cut(string(id), "-")
	return fate(word)
}

const (
	// shortTime is the timeout of what is to be timed out, fairTime that of what a
	// paused worker loses, longTime that of all else: no pause is as long.
	shortTime = 150 * time.Millisecond
	fairTime  = time.Second
	longTime  = time.Minute
	// overtime is how much longer than it may a stuck handler runs. By then the
	// dispatcher has taken the task from it.
	overtime = 1500 * time.Millisecond
	// forever is more attempts than any task has.
	forever = math.MaxInt
)

// rule decides, by the seed, what handlers do. Workers and checks share it.
type rule struct{ seed uint64 }

// chance is a number that nothing but these decides.
func (r rule) chance(id ha.TaskID, what string, numbers ...int) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, r.seed, " ", id, " ", what, " ", numbers) // a hash takes everything
	return mixed(h.Sum64())
}

// mixed spreads what FNV leaves in the upper bits over all of them.
func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// steps returns how many steps a task has, 0 if it has none.
func (r rule) steps(id ha.TaskID) int {
	if f := fateOf(id); f == stepped || f == broken {
		return 2 + int(r.chance(id, "steps")%3)
	}
	return 0
}

// failures returns how many attempts at a step of a task fail before one does not.
// A task without steps has the step 0.
func (r rule) failures(id ha.TaskID, step int) int {
	c := r.chance(id, "failures", step)
	switch fateOf(id) {
	case transient:
		return 1 + int(c%3)
	case permanent, hopeless:
		return forever
	case broken:
		if step == int(r.chance(id, "broken")%uint64(r.steps(id))) {
			return forever
		}
		return int(c % 2)
	case stepped:
		// The last one succeeds, so that the result is that of the last attempt.
		if c%5 == 0 && step+1 < r.steps(id) {
			return forever
		}
		return int(c / 5 % 3)
	}
	return 0
}

// length returns how long an attempt takes that nothing stops: mostly a few
// milliseconds, sometimes a hundred times as long.
func (r rule) length(t ha.Task) time.Duration {
	c := r.chance(t.ID, "length", t.Step, t.Attempt)
	if c%64 == 0 {
		return time.Duration(50+c>>8%150) * time.Millisecond
	}
	return time.Duration(c>>8%8000) * time.Microsecond
}

// data is a payload, and a result.
type data struct {
	Value uint64 `json:"value"`
	// Activation is the one whose handler made it.
	Activation ha.ActivationID `json:"activation,omitempty"`
}

// upstream is how a task ended that another one came after.
type upstream struct {
	id    ha.TaskID
	state ha.TaskState
	value uint64
}

// value is what a handler of that kind makes of its payload's, and of how those
// ended that the task came after. No two kinds agree.
func value(kind string, in uint64, upstreams []upstream) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, kind, " ", in)
	for _, u := range upstreams {
		_, _ = fmt.Fprint(h, " ", u.id, " ", u.state, " ", u.value)
	}
	return h.Sum64()
}

// decode reads a payload or a result.
func decode(raw json.RawMessage) (d data, err error) {
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("decode %.100s: %w", raw, err)
	}
	return d, nil
}
