package tasks

import (
	"math"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// rule is what is set of a throttle now.
func (t *throttle) rule(at time.Time) record.RuleSet {
	return record.RuleSet{At: at, Paused: t.paused, Concurrency: t.limit}
}

// kindRule and poolRule are what is set of a kind or pool, known or not.
func (ts *Tasks) kindRule(name string) record.RuleSet {
	r := record.RuleSet{At: ts.common.Now}
	if k := ts.catalog.kinds[name]; k != nil {
		r = k.rule(ts.common.Now)
		r.Interval, r.Burst = time.Duration(k.interval), int(k.burst)
	}
	r.Kind = name
	return r
}

func (ts *Tasks) poolRule(name string) record.RuleSet {
	r := record.RuleSet{At: ts.common.Now}
	if p := ts.catalog.pools[name]; p != nil {
		r = p.rule(ts.common.Now)
	}
	r.Pool = name
	return r
}

func (ts *Tasks) pause(in step.SetPause, out *step.Ready) step.Reply {
	if err := ts.catalog.refuseRuleNames(in.Kind, in.Pool); err != nil {
		return step.Reply{Err: err}
	}
	r := ts.kindRule(in.Kind)
	if in.Pool != "" {
		r = ts.poolRule(in.Pool)
	}
	if r.Paused == in.Paused {
		return step.Reply{}
	}
	r.Paused = in.Paused
	ts.record(out, &r)
	event := step.TellResumed
	if in.Paused {
		event = step.TellPaused
	}
	out.Tasks = append(out.Tasks, step.TaskEffect{Kind: in.Kind, Pool: in.Pool})
	out.Effects = append(out.Effects, step.Effect{Type: event, At: ts.common.Now, Task: len(out.Tasks)})
	return step.Reply{}
}

// maxKeyLimits is how many concurrency keys may have a limit of their own.
const maxKeyLimits = 100_000

func (ts *Tasks) setLimit(in step.SetLimit, out *step.Ready) step.Reply {
	l := in.Limit
	if err := ts.catalog.refuseRuleNames(l.Kind, l.Pool); err != nil {
		return step.Reply{Err: err}
	}
	var r record.RuleSet
	switch {
	case l.Kind != "":
		r = ts.kindRule(l.Kind)
		r.Interval, r.Burst = 0, l.Burst
		if l.Rate > 0 {
			r.Interval = time.Duration(math.Round(float64(time.Second) / l.Rate))
		}
	case l.Pool != "":
		r = ts.poolRule(l.Pool)
	default:
		if ts.keys.byName[l.Key] == nil && len(ts.keys.byName) >= maxKeyLimits {
			return step.Reply{Err: ha.Overloaded("too_many_keys", "at most %d concurrency keys may be in use when a limit is set", maxKeyLimits)}
		}
		r = record.RuleSet{At: ts.common.Now, Key: l.Key}
	}
	r.Concurrency = l.Concurrency
	ts.record(out, &r)
	return step.Reply{}
}
