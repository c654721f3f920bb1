package core

import (
	"math/rand/v2"
	"strconv"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// ring is a naive search for circles: it follows what every task waits for.
type ring struct{ specs map[ha.TaskID]*ha.TaskSpec }

// reaches reports whether from waits for to, by any way.
func (r *ring) reaches(from *ha.TaskSpec, to ha.TaskID, seen map[ha.TaskID]bool) bool {
	next := append([]ha.TaskID{}, from.After...)
	if from.AfterBatch != "" {
		for id, s := range r.specs {
			if s.Batch == from.AfterBatch {
				next = append(next, id)
			}
		}
	}
	for _, id := range next {
		if id == to {
			return true
		}
		if s := r.specs[id]; s != nil && !seen[id] {
			seen[id] = true
			if r.reaches(s, to, seen) {
				return true
			}
		}
	}
	return false
}

// TestCyclesFollowTheirTwin: a task is refused exactly if it would wait for itself.
// Nobody works here, so that what waits goes on waiting until it is cancelled.
func TestCyclesFollowTheirTwin(t *testing.T) {
	refused := 0
	each(t, 150, func(t *testing.T, rng *rand.Rand) {
		c := New(testConfig())
		out := new(step.Ready)
		if err := c.Lead(noon, 1, "d1", out); err != nil {
			t.Fatal(err)
		}
		twin := ring{map[ha.TaskID]*ha.TaskSpec{}}
		id := func() ha.TaskID { return ha.TaskID(rune('a' + rng.IntN(10))) }
		batch := func(n int) string { return []string{"", "B1", "B2", "B3"}[max(0, rng.IntN(4+n)-n)] }
		for range 40 {
			s := &ha.TaskSpec{ID: id(), Kind: "k", Batch: batch(3), AfterBatch: batch(3), OnUpstreamFailure: ha.UpstreamRun}
			for range rng.IntN(4) {
				if after := id(); after != s.ID {
					s.After = append(s.After, after)
				}
			}
			if s.AfterBatch == s.Batch {
				s.AfterBatch = ""
			}
			if twin.specs[s.ID] != nil {
				c.Step(step.CancelTask{At: noon, ID: s.ID}, out) // and from now on nobody waits for it
				twin.specs[s.ID] = &ha.TaskSpec{}
				continue
			}
			twin.specs[s.ID] = s
			want := twin.reaches(s, s.ID, map[ha.TaskID]bool{})
			reply := c.Step(step.Submit{At: noon, Spec: s}, out)
			if got := reply.Err != nil && reply.Err.Code == "cyclic"; got != want || reply.Err != nil && !got {
				t.Fatalf("submit %+v: got %v, want cyclic %t", s, reply.Err, want)
			}
			if want {
				refused++
				delete(twin.specs, s.ID)
			}
		}
	})
	if refused < len(seeds(t, 150))/2 {
		t.Errorf("%d circles only", refused)
	}
}

// A web of tasks that all wait for the one submitted last is searched once each, and
// not once a path.
func TestTangleIsSearchedOnce(t *testing.T) {
	c := New(testConfig())
	out := new(step.Ready)
	if err := c.Lead(noon, 1, "d1", out); err != nil {
		t.Fatal(err)
	}
	name := func(layer, i int) ha.TaskID {
		return ha.TaskID("n" + strconv.Itoa(layer) + "-" + strconv.Itoa(i))
	}
	const layers, width = 40, 10 // 10^40 paths
	for layer := range layers {
		for i := range width {
			s := &ha.TaskSpec{ID: name(layer, i), Kind: "k"}
			for j := range width {
				s.After = append(s.After, name(layer+1, j))
			}
			if reply := c.Step(step.Submit{At: noon, Spec: s}, out); reply.Err != nil {
				t.Fatal(reply.Err)
			}
		}
	}
	s := &ha.TaskSpec{ID: name(layers, 0), Kind: "k", After: []ha.TaskID{name(0, 0)}}
	if reply := c.Step(step.Submit{At: noon, Spec: s}, out); reply.Err == nil || reply.Err.Code != "cyclic" {
		t.Errorf("got %v, want cyclic", reply.Err)
	}
	s.After[0] = "elsewhere"
	if reply := c.Step(step.Submit{At: noon, Spec: s}, out); reply.Err != nil {
		t.Errorf("got %v, want it accepted", reply.Err)
	}
}
