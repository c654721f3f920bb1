package sim

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
)

// newID is the id of the client's next task.
func (c *client) newID() ha.TaskID {
	for {
		c.serial++
		if id := ha.TaskID(fmt.Sprintf("%s-%d", c.name, c.serial)); c.w.books.byID[id] == nil {
			return id
		}
	}
}

// plain draws a task with nothing special.
func (c *client) plain() *ha.TaskSpec {
	w := c.w
	id := c.newID()
	s := &ha.TaskSpec{ID: id, Kind: pick(w, w.tasks.kinds...), Payload: []byte(`"` + id + `"`)}
	if w.chance(250) {
		s.Pool = pick(w, w.tasks.pools...)
	}
	if w.chance(300) {
		s.Priority = w.rng.IntN(5) - 2
	}
	if w.chance(500) {
		s.Timeout = ha.Millis(300 + w.rng.IntN(4000))
	}
	if w.chance(600) {
		s.Retry = c.retry()
	}
	return s
}

// spec draws a task; most have little of what a task may have.
func (c *client) spec() *ha.TaskSpec {
	w := c.w
	s := c.plain()
	if w.chance(50) {
		s.Payload = []byte(`"` + string(s.ID) + endless + `"`)
		s.Timeout = ha.Milliseconds(time.Hour)
	} else if w.chance(40) {
		s.Payload = []byte(`"` + string(s.ID) + poison + `"`)
	}
	if w.chance(200) {
		for range 1 + w.rng.IntN(3) {
			if id := c.upstream(); id != s.ID {
				s.After = append(s.After, id)
			}
		}
		if w.chance(400) {
			s.OnUpstreamFailure = ha.UpstreamRun
		}
	}
	if w.chance(80) {
		s.RunAt = c.time().Add(w.randomTime(25*time.Second) - 5*time.Second)
	}
	if w.chance(80) {
		s.ExpiresAt = c.time().Add(time.Second + w.randomTime(30*time.Second))
	}
	if w.chance(80) {
		s.UniqueKey = fmt.Sprintf("u%d", w.rng.IntN(4))
	}
	if w.chance(200) {
		s.ConcurrencyKey = c.key()
	}
	if w.chance(150) {
		s.Batch = c.batchName()
	}
	if w.chance(40) {
		if s.AfterBatch = c.batchName(); s.AfterBatch == s.Batch {
			s.Batch = ""
		}
	}
	if w.chance(120) {
		c.steps(s)
	}
	if w.chance(60) {
		s.Labels, s.Metadata = map[string]string{"a": "1", "b": string(s.ID)}, []byte(`{"m":true}`)
	}
	return s
}

func (c *client) steps(s *ha.TaskSpec) {
	w := c.w
	s.Kind, s.Partial = "", w.chance(200)
	for range 1 + w.rng.IntN(3) {
		step := ha.Step{Kind: pick(w, w.tasks.kinds...), Partial: w.chance(250)}
		if w.chance(250) {
			step.Timeout = ha.Millis(300 + w.rng.IntN(2000))
		}
		if w.chance(300) {
			step.Retry = c.retry()
		}
		s.Steps = append(s.Steps, step)
	}
}

func (c *client) retry() *ha.Retry {
	w := c.w
	return &ha.Retry{
		MaxAttempts: w.rng.IntN(4), Backoff: ha.Millis(w.rng.IntN(2000)), MaxBackoff: ha.Millis(3000),
		Factor: pick[float64](w, 0, 1, 3), Jitter: pick(w, -1, 0, 0.5), MaxLost: w.rng.IntN(4) - 1,
	}
}

// upstream is a task to come after: mostly one that somebody has thought of, and
// sometimes one that somebody will.
func (c *client) upstream() ha.TaskID {
	if c.w.chance(250) {
		o := pick(c.w, c.w.clients...)
		return ha.TaskID(fmt.Sprintf("%s-%d", o.name, o.serial+1+c.w.rng.IntN(4)))
	}
	if id := c.w.someTask(); id != "nobody" {
		return id
	}
	return ha.TaskID(c.name + "-2")
}

// complete is s as it is to be recorded, with the defaults that the protocol names, and the
// timeout of whoever took it.
func (w *world) complete(s *ha.TaskSpec, timeout time.Duration) *ha.TaskSpec {
	full := *s
	if full.Pool == "" {
		full.Pool = "default"
	}
	if full.Timeout == 0 {
		full.Timeout = ha.Milliseconds(timeout)
	}
	full.Retry = completeRetry(s.Retry)
	full.Steps = nil
	for _, p := range s.Steps {
		if p.Retry != nil {
			p.Retry = completeRetry(p.Retry)
		}
		full.Steps = append(full.Steps, p)
	}
	return &full
}

func completeRetry(r *ha.Retry) *ha.Retry {
	full := ha.Retry{MaxAttempts: 5, Backoff: 1000, MaxBackoff: 300_000, Factor: 2, Jitter: 0.1, MaxLost: 3}
	if r == nil {
		return &full
	}
	if r.MaxAttempts > 0 {
		full.MaxAttempts = r.MaxAttempts
	}
	if r.Backoff > 0 {
		full.Backoff = r.Backoff
	}
	if r.MaxBackoff > 0 {
		full.MaxBackoff = r.MaxBackoff
	}
	if r.Factor > 0 {
		full.Factor = r.Factor
	}
	if r.Jitter != 0 {
		full.Jitter = max(0, r.Jitter)
	}
	if r.MaxLost != 0 {
		full.MaxLost = max(0, r.MaxLost)
	}
	return &full
}
