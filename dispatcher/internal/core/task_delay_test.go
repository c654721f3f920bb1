package core

import (
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// TestADelayCountsFromTheSubmission, and a repetition of it with the same delay is the same
// task, when it is scheduled and when it is long forgotten.
func TestADelayCountsFromTheSubmission(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Timing.EvictAfter = 24 * time.Hour })
	spec := func(change func(*ha.TaskSpec)) step.Submit {
		s := ha.TaskSpec{ID: "later", Kind: "k", Delay: 3_600_000}
		change(&s)
		return step.Submit{At: r.now, Spec: &s}
	}
	same := func(*ha.TaskSpec) {}
	due := r.now.Add(time.Hour)
	r.hand(1, "k")
	if reply := r.step(spec(same)); reply.Err != nil || reply.Duplicate {
		t.Fatalf("got %+v", reply)
	}
	record, err := r.core.TaskRecord("later")
	if err != nil || record.State != ha.TaskScheduled || record.RunAt.Sub(due).Abs() > time.Second {
		t.Errorf("it is %s, for %s, %v; want it scheduled for %s", record.State, record.RunAt, err, due)
	}
	again := func(when string) {
		t.Helper()
		if reply := r.step(spec(same)); !reply.Duplicate || reply.Err != nil || len(r.records) > 0 {
			t.Errorf("%s: got %+v, and %d records; want a duplicate", when, reply, len(r.records))
		}
	}
	r.tick(10 * time.Minute)
	again("while it is scheduled")
	for what, change := range map[string]func(*ha.TaskSpec){
		"another delay": func(s *ha.TaskSpec) { s.Delay++ },
		"no delay":      func(s *ha.TaskSpec) { s.Delay = 0 },
		"its time":      func(s *ha.TaskSpec) { s.Delay, s.RunAt = 0, record.RunAt },
	} {
		reply := r.step(spec(change))
		if reply.Err == nil || reply.Err.Code != "id_conflict" {
			t.Errorf("%s: got %+v, want a conflict", what, reply)
		}
	}
	r.tick(51 * time.Minute)
	r.want("after an hour", r.state("later"), ha.TaskRunning)
	again("while it runs")
	r.fail() // the next leader knows it too
	again("under the next leader")
	r.finish("later", step.Finished{})
	again("when it has ended")
	r.tick(400 * 24 * time.Hour)
	again("when it is kept no longer")
}

// TestATaskThatWouldExpireFirstIsRefused: a delay says only now when the task would run.
func TestATaskThatWouldExpireFirstIsRefused(t *testing.T) {
	r := newRig(t, nil)
	for late, refused := range map[time.Duration]bool{-time.Second: true, -time.Hour: true, time.Second: false} {
		s := ha.TaskSpec{Kind: "k", Delay: 60_000, ExpiresAt: r.now.Add(time.Minute + late)}
		reply := r.step(step.Submit{At: r.now, Spec: &s})
		if !refused && reply.Err != nil {
			t.Errorf("%s after: %v", late, reply.Err)
		} else if refused {
			r.refused(reply, "invalid_expires_at")
		}
	}
}
