package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
)

// The kinds of tasks. Each worker handles most of the first, and all of them the last.
const (
	ordinaryKinds = 6
	heldKind      = "hold"
)

func kindName(i int) string { return fmt.Sprintf("k%d", i) }

// share is how many of a thousand tasks have a fate.
type share struct {
	fate fate
	of   int
}

// shares make a thousand. Poison is dealt with apart, as it costs whole workers.
var shares = []share{
	{plain, 560}, {transient, 130}, {leased, 90}, {stepped, 80}, {permanent, 40}, {hopeless, 30}, {raced, 30},
	{broken, 15}, {expired, 8}, {held, 6}, {never, 6}, {slow, 4}, {stuck, 1},
}

// poisonEvery is of how many tasks one is poison; there is one at least.
const poisonEvery = 25_000

// planned is one task, as it is submitted.
type planned struct {
	spec ha.TaskSpec
	fate fate
	// input is the value in its payload, after are the tasks that it comes after.
	input uint64
	after []*planned
}

// plan is all tasks, each behind those that it comes after. It does not change once
// it is made, but for what is added between two uses.
type plan struct {
	rule  rule
	tasks []*planned
	byID  map[ha.TaskID]*planned
}

// newPlan makes n tasks.
func newPlan(seed uint64, n int, rng *rand.Rand) *plan {
	p := &plan{rule: rule{seed}, byID: make(map[ha.TaskID]*planned, n)}
	now := time.Now()
	for i := range n {
		f := poison
		if i%poisonEvery != poisonEvery/2 && (i != n/2 || n > poisonEvery/2) {
			f = draw(rng)
		}
		p.add(f, rng, now)
	}
	return p
}

func draw(rng *rand.Rand) fate {
	at := rng.IntN(1000)
	for _, s := range shares {
		if at -= s.of; at < 0 {
			return s.fate
		}
	}
	return plain
}

// add adds a task with that fate.
func (p *plan) add(f fate, rng *rand.Rand, now time.Time) *planned {
	t := &planned{fate: f, input: rng.Uint64()}
	number := len(p.tasks)
	payload, _ := json.Marshal(data{Value: t.input}) // a number and no text: nothing can fail
	t.spec = ha.TaskSpec{
		ID: ha.TaskID(fmt.Sprintf("%s-%d", f, number)), Kind: kindName(rng.IntN(ordinaryKinds)), Payload: payload,
		Priority: rng.IntN(21) - 10, Timeout: ha.Milliseconds(longTime),
		// Deaths of workers are as many as chance will have it, and must not decide.
		Retry: &ha.Retry{MaxAttempts: 5, Backoff: 20, MaxBackoff: 300, MaxLost: 1000},
	}
	p.shape(t, rng, now)
	if f == plain || f == transient || f == leased || f == stepped || f == permanent || f == hopeless {
		p.addUpstreams(t, rng)
	}
	p.tasks = append(p.tasks, t)
	p.byID[t.spec.ID] = t
	return t
}

// shape gives t what its fate needs.
func (p *plan) shape(t *planned, rng *rand.Rand, now time.Time) {
	s := &t.spec
	switch t.fate {
	case leased:
		s.Timeout, s.Retry.MaxAttempts = ha.Milliseconds(fairTime), ha.MaxAttempts
	case hopeless:
		s.Retry.MaxAttempts = 1 + rng.IntN(3)
	case stepped, broken:
		s.Kind, s.Retry.MaxAttempts, s.Partial = "", 3, t.fate == stepped
		for range p.rule.steps(s.ID) {
			s.Steps = append(s.Steps, ha.Step{Kind: kindName(rng.IntN(ordinaryKinds))})
		}
	case slow:
		s.Timeout, s.Retry.MaxAttempts = ha.Milliseconds(shortTime), 2
	case stuck:
		s.Timeout, s.Retry.MaxAttempts = ha.Milliseconds(shortTime), 1
	case expired:
		s.ExpiresAt = now.Add(-time.Hour)
		if rng.IntN(2) == 0 {
			s.ExpiresAt, s.After = now.Add(time.Second), []ha.TaskID{"nobody-" + s.ID}
		}
	case held:
		s.Kind = heldKind
	case never:
		s.RunAt = now.Add(time.Hour)
		if rng.IntN(2) == 0 {
			s.RunAt, s.After = time.Time{}, []ha.TaskID{"nobody-" + s.ID}
		}
	case poison:
		s.Retry.MaxAttempts, s.Retry.MaxLost = 1, 1
	}
}

// addUpstreams makes some tasks come after others: the one before, some of the last, or one
// that many come after.
func (p *plan) addUpstreams(t *planned, rng *rand.Rand) {
	n := len(p.tasks)
	if n == 0 {
		return
	}
	on := func(i int) {
		u := p.tasks[i]
		if u.fate == poison { // which would hold them up for seconds
			return
		}
		t.after = append(t.after, u)
		t.spec.After = append(t.spec.After, u.spec.ID)
	}
	switch rng.IntN(12) {
	case 0:
		on(n - 1)
	case 1:
		for range 2 + rng.IntN(4) {
			if i := n - 1 - rng.IntN(min(n, 200)); !slices.Contains(t.after, p.tasks[i]) {
				on(i)
			}
		}
	case 2:
		on(n - 1 - (n-1)%50)
	}
	if len(t.after) > 0 && rng.IntN(2) == 0 {
		t.spec.OnUpstreamFailure = ha.UpstreamRun
	}
}

// outcome is how a task ends.
type outcome struct {
	state  ha.TaskState
	reason string
	value  uint64 // of a result, if it completed
}

// expect returns how t must end, given how those ended that it comes after, and
// whether it was cancelled or had completed when it was to be, of one that is raced.
func (p *plan) expect(t *planned, ups []upstream, won bool) outcome {
	for _, u := range ups {
		if u.state != ha.TaskCompleted && t.spec.OnUpstreamFailure != ha.UpstreamRun {
			return outcome{ha.TaskFailed, "upstream_failed", 0}
		}
	}
	switch t.fate {
	case permanent, broken:
		return outcome{ha.TaskFailed, "permanent", 0}
	case hopeless:
		return outcome{ha.TaskFailed, "attempts_used_up", 0}
	case slow, stuck:
		return outcome{ha.TaskTimedOut, "attempts_used_up", 0}
	case expired:
		return outcome{ha.TaskTimedOut, "expired", 0}
	case poison:
		return outcome{ha.TaskFailed, "worker_lost", 0}
	case held, never:
		return outcome{ha.TaskCancelled, "cancelled", 0}
	case raced:
		if won {
			return outcome{ha.TaskCancelled, "cancelled", 0}
		}
	case stepped:
		v := t.input
		for i, step := range t.spec.Steps {
			if p.rule.failures(t.spec.ID, i) != forever {
				v = value(step.Kind, v, ups)
			}
		}
		return outcome{ha.TaskCompleted, "", v}
	}
	return outcome{ha.TaskCompleted, "", value(t.spec.Kind, t.input, ups)}
}
