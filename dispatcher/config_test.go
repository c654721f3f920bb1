package dispatcher_test

import (
	"errors"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// TestActivateWhenIdle: there is no pause between two activations, of which the
// default makes one each 2 s.
func TestActivateWhenIdle(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.ActivateEvery = dispatcher.ActivateWhenIdle })
	r.employ(1, 1, nothing)
	begun := time.Now()
	eventually(t, "50 activations", func() bool { return r.status().Activations.Started >= 50 })
	if took := time.Since(begun); took > patience {
		t.Errorf("they took %s", took)
	}
}

// TestShareAll: a worker that joins late is given all activations until it has as many
// as the other. With a window it would be half as many as the window is long.
func TestShareAll(t *testing.T) {
	const before = dispatcher.DefaultShareWindow + 2000
	r := started(t, func(c *dispatcher.Config) {
		c.Timing, c.ActivateEvery, c.ShareWindow = patient, 20*time.Microsecond, dispatcher.ShareAll
	})
	count := func(worker int) uint64 {
		list := r.workers()
		if len(list) <= worker {
			return 0
		}
		return list[worker].Activations
	}
	r.employ(1, 256, nothing)
	eventually(t, "the first worker's activations", func() bool { return count(0) >= before })
	// So many slots that it always has a free one: else the first worker is given its share.
	r.employ(1, 4096, nothing)
	eventually(t, "the second worker to join", func() bool { return count(1) > 0 })
	first, second := count(0), uint64(before*3/4)
	eventually(t, "the second worker's activations", func() bool { return count(1) >= second })
	if gained := count(0) - first; gained > before/10 {
		t.Errorf("the first worker was given %d more, while the second was behind", gained)
	}
}

// TestRetainNone: tasks that have ended are forgotten at once, whichever of the four
// limits says so, and the others are not.
func TestRetainNone(t *testing.T) {
	const completed, expired = true, false
	for name, c := range map[string]struct {
		change func(*dispatcher.TaskConfig)
		good   bool // whether it is the completed task that is forgotten, or the expired one
		both   bool
	}{
		"Retain":       {change: func(c *dispatcher.TaskConfig) { c.Retain = dispatcher.RetainNone }, good: completed},
		"RetainFailed": {change: func(c *dispatcher.TaskConfig) { c.RetainFailed = dispatcher.RetainNone }, good: expired},
		"RetainTasks":  {change: func(c *dispatcher.TaskConfig) { c.RetainTasks = dispatcher.RetainNone }, both: true},
		"RetainBytes":  {change: func(c *dispatcher.TaskConfig) { c.RetainBytes = dispatcher.RetainNone }, both: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := started(t, func(cfg *dispatcher.Config) { c.change(&cfg.Tasks) })
			r.submit(`{"id":"good","kind":"k"}`)
			r.submit(`{"id":"bad","kind":"k","expires_at":"2001-01-01T00:00:00Z"}`)
			r.must(r.names.Task(subjects.TaskCancel), `{"id":"good"}`, new(ha.TaskRecord))
			known := func(id string) bool {
				err := r.ask(r.names.Task(subjects.TaskGet), `{"id":"`+id+`"}`, new(ha.TaskRecord))
				if err != nil && !errors.Is(err, ha.ErrNotFound) {
					t.Error(err)
				}
				return err == nil
			}
			forgotten, kept := "good", "bad"
			if !c.good {
				forgotten, kept = kept, forgotten
			}
			eventually(t, forgotten+" to be forgotten", func() bool { return !known(forgotten) })
			if c.both {
				eventually(t, kept+" to be forgotten", func() bool { return !known(kept) })
			} else if !known(kept) {
				t.Errorf("%s is forgotten too", kept)
			}
		})
	}
}

// TestMadeUpNames: dispatchers without a name are told apart all the same.
func TestMadeUpNames(t *testing.T) {
	nc := connect(t, server)
	names := map[string]bool{}
	for range 3 {
		d, err := dispatcher.New(nc, dispatcher.Config{})
		if err != nil {
			t.Fatal(err)
		}
		names[d.Name()] = true
	}
	if len(names) != 3 {
		t.Errorf("three dispatchers are called %v", names)
	}
}
