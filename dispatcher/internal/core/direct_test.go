package core

import (
	"fmt"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// TestDirectWorkerIsHeardFirst: a worker that was told of a subject of its own is
// given nothing before it has been heard of again, and so listens there.
func TestDirectWorkerIsHeardFirst(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct{ fleet, worker, waits bool }{
		{true, true, true}, {true, false, false}, {false, true, false},
	} {
		t.Run(fmt.Sprintf("dispatcher %t, worker %t", test.fleet, test.worker), func(t *testing.T) {
			c := New(Config{FleetConfig: FleetConfig{Timing: ha.DefaultTiming(), MaxWorkers: 10, Direct: test.fleet}})
			var out step.Ready
			if err := c.Lead(start, 1, "d1", &out); err != nil {
				t.Fatal(err)
			}
			id := c.Step(step.Hello{At: start, Weight: 1, Slots: 1, Direct: test.worker}, &out).Worker
			c.Step(step.Tick{At: start.Add(time.Second)}, &out)
			if given := c.Counts().Started > 0; given == test.waits {
				t.Errorf("direct dispatcher %t, direct worker %t: activated before it was heard of: %t", test.fleet, test.worker, given)
			}
			c.Step(step.Heartbeat{At: start.Add(2 * time.Second), Worker: id}, &out)
			if c.Counts().Started != 1 {
				t.Errorf("direct dispatcher %t, direct worker %t: not activated after a heartbeat", test.fleet, test.worker)
			}
		})
	}
}
