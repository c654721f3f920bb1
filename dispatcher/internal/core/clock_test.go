package core

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// clocked is a rig in a journal of format 2: now is the elapsed time, and wall what the clock
// on the wall shows beside it.
type clocked struct {
	*rig
	wall time.Time
}

func newClocked(t testing.TB, change func(*Config)) *clocked {
	t.Helper()
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	r := &rig{t: t, cfg: cfg, core: New(cfg), standby: New(cfg), now: noon, census: newCensus()}
	c := &clocked{rig: r, wall: noon}
	c.leadFrom(1, noon)
	c.pass(0)
	return c
}

// leadFrom begins a leadership in which the date is that, and the elapsed time goes on.
func (c *clocked) leadFrom(epoch ha.Epoch, date time.Time) {
	c.t.Helper()
	var out step.Ready
	if err := c.core.LeadFrom(Start{Elapsed: c.now, Date: date, Epoch: epoch, Node: "d1", Format: 2}, &out); err != nil {
		c.t.Fatal(err)
	}
	c.follow(out)
}

// pass lets time pass, in seconds.
func (c *clocked) pass(d time.Duration) {
	c.t.Helper()
	for d >= 0 {
		s := min(d, time.Second)
		c.now, c.wall, d = c.now.Add(s), c.wall.Add(s), d-s
		c.step(step.Tick{At: c.now, Wall: c.wall})
		if d == 0 {
			return
		}
	}
}

// takeOver lets the standby lead, after a time without a leader.
func (c *clocked) takeOver(gap time.Duration) {
	c.t.Helper()
	date := c.core.DateAt(c.now).Add(gap)
	c.core, c.standby = c.standby, rebuild(c.t, c.cfg, c.journal)
	c.leadFrom(c.core.Epoch()+1, date)
}

func (c *clocked) submitted(spec ha.TaskSpec) ha.TaskID {
	c.t.Helper()
	if spec.Retry == nil {
		spec.Retry = &ha.Retry{MaxAttempts: 1, Factor: 1}
	}
	if spec.Timeout == 0 {
		spec.Timeout = ha.Milliseconds(time.Minute)
	}
	spec.Pool = "default"
	if r := c.step(step.Submit{At: c.now, Spec: &spec}); r.Err != nil {
		c.t.Fatal(r.Err)
	}
	return spec.ID
}

func (c *clocked) state(id ha.TaskID) ha.TaskState {
	c.t.Helper()
	r, err := c.core.TaskRecord(id)
	if err != nil {
		return ""
	}
	return r.State
}

func (c *clocked) worker() ha.WorkerID {
	c.t.Helper()
	return c.hello(step.Hello{Weight: 1, Slots: 4, Kinds: []string{"k"}, Pools: []string{"default"}})
}

// TestTenMinutesBack: a dead worker is noticed, and the next attempt comes in time.
func TestTenMinutesBack(t *testing.T) {
	c := newClocked(t, nil)
	id := c.worker()
	c.submitted(ha.TaskSpec{ID: "t", Kind: "k", Retry: &ha.Retry{MaxAttempts: 3, Backoff: ha.Milliseconds(5 * time.Second), MaxBackoff: ha.Milliseconds(5 * time.Second), Factor: 1}})
	r, _ := c.core.TaskRecord("t")
	c.step(step.Available{At: c.now, Worker: id, Finished: []step.Finished{{Activation: r.Activation, Outcome: ha.OutcomeFailed}}})
	if c.state("t") != ha.TaskScheduled {
		t.Fatalf("it is %s", c.state("t"))
	}
	c.wall = c.wall.Add(-10 * time.Minute)
	c.pass(6 * time.Second)
	if c.state("t") != ha.TaskRunning {
		t.Errorf("six seconds after it failed it is %s", c.state("t"))
	}
	c.pass(45 * time.Second)
	if c.core.Known(id) {
		t.Error("a worker that is silent for 50 s is registered")
	}
}

// TestTwoHoursAheadForAMoment: no worker is removed, no task taken away.
func TestTwoHoursAheadForAMoment(t *testing.T) {
	c := newClocked(t, nil)
	id := c.worker()
	c.submitted(ha.TaskSpec{ID: "t", Kind: "k"})
	c.wall = c.wall.Add(2 * time.Hour)
	c.pass(2 * time.Second)
	c.wall = c.wall.Add(-2 * time.Hour)
	c.pass(10 * time.Second)
	if !c.core.Known(id) || c.state("t") != ha.TaskRunning {
		t.Errorf("registered: %t, the task is %s", c.core.Known(id), c.state("t"))
	}
}

// TestADayAhead: results are kept, even if somebody lets the date jump.
func TestADayAhead(t *testing.T) {
	c := newClocked(t, nil)
	id := c.worker()
	c.submitted(ha.TaskSpec{ID: "t", Kind: "k"})
	r, _ := c.core.TaskRecord("t")
	c.step(step.Available{At: c.now, Worker: id, Finished: []step.Finished{{Activation: r.Activation, Outcome: ha.OutcomeDone}}})
	c.wall = c.wall.Add(25 * time.Hour)
	c.pass(time.Minute)
	if c.state("t") != ha.TaskCompleted {
		t.Fatal("it was forgotten when the wall clock was set")
	}
	if reply := c.step(step.SetClock{At: c.now, Wall: c.wall}); reply.Err != nil {
		t.Fatal(reply.Err)
	}
	if got := c.core.DateAt(c.now); !got.Equal(c.wall) {
		t.Errorf("the date is %s, want %s", got, c.wall)
	}
	c.pass(30 * time.Minute)
	c.takeOver(time.Second) // which remembers it
	c.pass(29 * time.Minute)
	if c.state("t") != ha.TaskCompleted {
		t.Fatal("it was forgotten within the hour after the date jumped")
	}
	c.pass(2 * time.Minute)
	if c.state("t") != "" {
		t.Errorf("an hour later it is %s", c.state("t"))
	}
}

// TestAStandbyAnHourAheadTakesOver: what runs has its time.
func TestAStandbyAnHourAheadTakesOver(t *testing.T) {
	c := newClocked(t, nil)
	id := c.worker()
	c.submitted(ha.TaskSpec{ID: "t", Kind: "k", Timeout: ha.Milliseconds(500 * time.Millisecond)})
	c.takeOver(time.Hour)
	c.now = c.now.Add(400 * time.Millisecond)
	c.step(step.Tick{At: c.now})
	if c.state("t") != ha.TaskRunning || !c.core.Known(id) {
		t.Fatalf("400 ms later it is %s", c.state("t"))
	}
	c.now = c.now.Add(2 * time.Second)
	c.step(step.Tick{At: c.now})
	if c.state("t") != ha.TaskTimedOut {
		t.Errorf("2 s later it is %s", c.state("t"))
	}
}

// TestEightHoursWithoutAProcess: what was to run meanwhile is due at once, what ran has its time,
// and nobody is removed at once.
func TestEightHoursWithoutAProcess(t *testing.T) {
	c := newClocked(t, nil)
	id := c.worker()
	c.submitted(ha.TaskSpec{ID: "runs", Kind: "k", Timeout: ha.Milliseconds(time.Minute)})
	c.submitted(ha.TaskSpec{ID: "later", Kind: "other", RunAt: noon.Add(4 * time.Hour)})
	c.submitted(ha.TaskSpec{ID: "tomorrow", Kind: "other", RunAt: noon.Add(24 * time.Hour)})
	c.pass(20 * time.Second)
	c.takeOver(8 * time.Hour)
	c.step(step.Tick{At: c.now})
	if c.state("later") != ha.TaskPending || c.state("tomorrow") != ha.TaskScheduled || c.state("runs") != ha.TaskRunning || !c.core.Known(id) {
		t.Errorf("later is %s, tomorrow %s, runs %s, the worker registered: %t", c.state("later"), c.state("tomorrow"), c.state("runs"), c.core.Known(id))
	}
	r, _ := c.core.TaskRecord("runs")
	if !r.StartedAt.Equal(noon) {
		t.Errorf("it was started at %s", r.StartedAt)
	}
	c.pass(30 * time.Second)
	if c.state("runs") != ha.TaskRunning {
		t.Errorf("after 50 s of its minute it is %s", c.state("runs"))
	}
	c.pass(12 * time.Second)
	if c.state("runs") != ha.TaskTimedOut {
		t.Errorf("after its minute it is %s", c.state("runs"))
	}
}

// TestTheDateFollowsTheWallClock by a tenth, and never goes back.
func TestTheDateFollowsTheWallClock(t *testing.T) {
	for _, off := range []time.Duration{time.Minute, -time.Minute, 300 * time.Millisecond} {
		c := newClocked(t, nil)
		c.wall = c.wall.Add(off)
		c.pass(0)
		if got := c.core.ClockDifference(); got != off {
			t.Errorf("the difference is %s, want %s", got, off)
		}
		before := c.core.DateAt(c.now)
		c.pass(100 * time.Second)
		moved := c.core.DateAt(c.now).Sub(before) - 100*time.Second
		want := off.Abs() - min(off.Abs(), 10*time.Second)
		if left := (off - moved).Abs(); left < want-200*time.Millisecond || left > want+200*time.Millisecond {
			t.Errorf("of %s, %s are left after 100 s", off, off-moved)
		}
		c.pass(1000 * time.Second)
		if left := c.core.ClockDifference().Abs(); left > 250*time.Millisecond {
			t.Errorf("of %s, %s are left in the end", off, left)
		}
	}
}

// TestTheDateIsNotSetBack by anybody.
func TestTheDateIsNotSetBack(t *testing.T) {
	c := newClocked(t, nil)
	var refusal *ha.Error
	if r := c.step(step.SetClock{At: c.now, Wall: noon.Add(-time.Hour)}); !errors.As(r.Err, &refusal) || refusal.Code != "clock_ahead" {
		t.Errorf("an hour back: %v", r.Err)
	}
	before := c.core.DateAt(c.now)
	c.core, c.standby = c.standby, rebuild(t, c.cfg, c.journal)
	c.leadFrom(c.core.Epoch()+1, noon.Add(-24*time.Hour))
	if got := c.core.DateAt(c.now); got.Before(before) {
		t.Errorf("a leader that is a day behind makes it %s", got)
	}
}

// TestHistoriesWithClocks: leader, standby and whoever reads the journal hold the same state,
// whatever is done to the clocks. The date never goes back, and the elapsed time is what was measured.
func TestHistoriesWithClocks(t *testing.T) {
	each(t, 60, func(t *testing.T, rng *rand.Rand) {
		h := newHistory(t, rng)
		h.rig = newClocked(t, func(c *Config) { *c = h.cfg }).rig
		wall, last := h.now, h.core.DateAt(h.now)
		for range 120 {
			was := h.now
			h.do()
			wall = wall.Add(h.now.Sub(was))
			switch rng.IntN(12) {
			case 0:
				wall = wall.Add(time.Duration(rng.Int64N(int64(100*time.Hour))) - 50*time.Hour)
			case 1:
				wall = wall.Add(time.Duration(rng.Int64N(int64(4*time.Second))) - 2*time.Second)
			case 2:
				h.step(step.SetClock{At: h.now, Wall: wall})
			case 3:
				h.step(step.Resume{At: h.now, Date: h.core.DateAt(h.now).Add(time.Duration(rng.Int64N(int64(10 * time.Minute))))})
			case 4:
				h.gap = time.Duration(rng.Int64N(int64(10 * time.Hour))) // for the next that leads
			}
			h.step(step.Tick{At: h.now, Wall: wall})
			date := h.core.DateAt(h.now)
			if date.Before(last) {
				t.Fatalf("the date goes back from %s to %s", last, date)
			}
			if last = date; !h.core.Elapsed().Equal(h.now) {
				t.Fatalf("%s elapsed, measured were %s", h.core.Elapsed(), h.now)
			}
		}
	})
}
