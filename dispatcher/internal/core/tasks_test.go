package core

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// submit hands in a task and returns its id.
func (r *rig) submit(s ha.TaskSpec) ha.TaskID {
	r.t.Helper()
	reply := r.step(step.Submit{At: r.now, Spec: &s})
	if reply.Err != nil {
		r.t.Fatalf("submit: %v", reply.Err)
	}
	return reply.Task
}

// hand registers a worker for tasks of these kinds, in the default pool.
func (r *rig) hand(slots int, kinds ...string) ha.WorkerID {
	r.t.Helper()
	return r.hello(step.Hello{Weight: 1, Slots: slots, Pools: []string{"default"}, Kinds: kinds})
}

func (r *rig) state(id ha.TaskID) ha.TaskState {
	r.t.Helper()
	record, err := r.core.TaskRecord(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return record.State
}

// finish ends the attempt that a running task is at.
func (r *rig) finish(id ha.TaskID, f step.Finished) step.Reply {
	r.t.Helper()
	record, err := r.core.TaskRecord(id)
	if err != nil || record.State != ha.TaskRunning {
		r.t.Fatalf("task %s is %s, %v", id, record.State, err)
	}
	f.Activation = record.Activation
	if f.Outcome == "" {
		f.Outcome = ha.OutcomeDone
	}
	return r.step(step.Available{At: r.now, Worker: record.Worker, Finished: []step.Finished{f}})
}

// started returns the tasks that the last step started, in that order.
func (r *rig) started() (list []ha.TaskID) {
	for i := range r.effects {
		if r.effects[i].Type == step.SendActivate && r.effects[i].Task > 0 {
			list = append(list, r.tasks[r.effects[i].Task-1].ID)
		}
	}
	return list
}

// A rate that held back a task which is gone by then must not wake the dispatcher
// again and again.
func TestRateWithoutTasksWakesNobody(t *testing.T) {
	r := newRig(t, nil)
	r.hand(4, "k")
	r.step(step.SetLimit{At: r.now, Limit: ha.Limit{Kind: "k", Rate: 1, Burst: 1}})
	r.submit(ha.TaskSpec{Kind: "k"})
	held := r.submit(ha.TaskSpec{Kind: "k"})
	r.want("held back", r.state(held), ha.TaskPending)
	r.want("next wake", r.core.NextWake(), r.now.Add(time.Second))
	r.step(step.CancelTask{At: r.now, ID: held})
	r.tick(time.Second)
	if wake := r.core.NextWake(); !wake.After(r.now) {
		t.Errorf("wants to wake at %s, it is %s", wake, r.now)
	}
}

// A standby forgets with its leader: what it keeps of tasks that are gone must not
// grow as long as it follows.
func TestStandbyForgetsToo(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RetainTasks = 5 })
	r.hand(1, "k")
	for i := range 300 {
		id := r.submit(ha.TaskSpec{Kind: "k", Retry: &ha.Retry{MaxAttempts: 1}})
		if r.finish(id, step.Finished{}); i%2 == 0 {
			id = r.submit(ha.TaskSpec{Kind: "k", Retry: &ha.Retry{MaxAttempts: 1}})
			r.finish(id, step.Finished{Outcome: ha.OutcomeFailed})
		}
		// One that waits for what never comes, and is cancelled.
		id = r.submit(ha.TaskSpec{Kind: "k", After: []ha.TaskID{ha.TaskID("never-" + strconv.Itoa(i))}})
		r.step(step.CancelTask{At: r.now, ID: id})
	}
	for name, c := range map[string]*Core{"leader": r.core, "standby": r.standby} {
		t.Run(name, func(t *testing.T) {
			kept := c.tasks.Kept()
			for what, n := range map[string]int{
				"ends well": kept.EndedWell, "ends badly": kept.EndedBadly, "failures of the kind": kept.Failed, "expected": kept.Expected,
			} {
				if n > 10 {
					t.Errorf("the %s keeps %d %s", name, n, what)
				}
			}
		})
	}
}

// What is over the bound of one Step is done by the next, which is due at once; and
// if the leader fails between the two, by the next leader, whom nobody calls.
func TestManyAtOnceAreDoneInTurns(t *testing.T) {
	const many = 2*step.TaskBurst + 100
	r := newRig(t, func(c *Config) { c.MaxTasks, c.RetainTasks, c.RetainFailed = 10*many, 10*many, time.Hour })
	r.hand(1, "k")
	first := r.submit(ha.TaskSpec{Kind: "k"})
	submitMany(r, many, func(s *ha.TaskSpec) { s.After = []ha.TaskID{first} })
	r.finish(first, step.Finished{})
	r.want("pending after the first step", r.core.TaskCounts()[ha.TaskPending]+r.core.TaskCounts()[ha.TaskRunning], step.TaskBurst)
	r.fail()
	r.untilQuiet()
	r.want("pending", r.core.TaskCounts()[ha.TaskPending]+r.core.TaskCounts()[ha.TaskRunning], many)

	// They expire together, and are forgotten together.
	r = newRig(t, func(c *Config) { c.MaxTasks, c.RetainTasks, c.RetainFailed = 10*many, 10*many, time.Hour })
	submitMany(r, many, func(s *ha.TaskSpec) { s.ExpiresAt = r.now.Add(time.Minute) })
	r.tick(time.Minute)
	r.want("expired in the first step", r.core.TaskCounts()[ha.TaskTimedOut], step.TaskBurst)
	r.untilQuiet()
	r.want("expired", r.core.TaskCounts()[ha.TaskTimedOut], many)
	r.tick(time.Hour)
	r.untilQuiet()
	r.want("kept", r.core.TasksKept(), 0)
	r.want("remembered", r.core.tasks.Kept().Remembered, many)
	fresh := rebuild(t, r.cfg, r.core.Digest(nil))
	r.want("remembered by who reads the snapshot", fresh.tasks.Kept().Remembered, many)
}

// submitMany hands in n tasks in one go, and looks once.
func submitMany(r *rig, n int, change func(*ha.TaskSpec)) {
	r.t.Helper()
	var out step.Ready
	for range n {
		s := &ha.TaskSpec{Kind: "k"}
		change(s)
		if reply := r.core.Step(step.Submit{At: r.now, Spec: s}, &out); reply.Err != nil {
			r.t.Fatal(reply.Err)
		}
	}
	r.follow(out)
}

// untilQuiet ticks for as long as the core asks for it at once.
func (r *rig) untilQuiet() {
	r.t.Helper()
	for ticks := 0; !r.core.NextWake().IsZero() && !r.core.NextWake().After(r.now); ticks++ {
		if r.tick(0); ticks > 100 {
			r.t.Fatal("100 ticks, and no end")
		}
	}
}

// Results of upstreams are handed on as long as they are not too large together; the
// limit is that of a payload.
func TestUpstreamResultsAreBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Retain = 30 * time.Second })
	r.hand(9, "k")
	quote := func(n int) []byte { return []byte(`"` + strings.Repeat("x", n-2) + `"`) }
	sizes := map[ha.TaskID]int{"a": ha.MaxPayload - 1000, "b": 1000, "c": 2, "forgotten": 2}
	for _, id := range []ha.TaskID{"forgotten", "a", "b", "c"} {
		r.submit(ha.TaskSpec{ID: id, Kind: "k"})
		r.finish(id, step.Finished{Result: quote(sizes[id])})
		if id == "forgotten" {
			r.tick(30 * time.Second)
		}
	}
	r.submit(ha.TaskSpec{Kind: "k", After: []ha.TaskID{"forgotten", "a", "b", "c"}})
	list := r.tasks[r.effects[1].Task-1].Upstream
	for i, want := range []struct {
		id      ha.TaskID
		omitted bool
	}{{"forgotten", true}, {"a", false}, {"b", false}, {"c", true}} {
		if u := list[i]; u.ID != want.id || u.Omitted != want.omitted || u.State != ha.TaskCompleted || (len(u.Result) == 0) != want.omitted {
			t.Errorf("upstream %d: got %s %s omitted %t with %d bytes, want %+v", i, u.ID, u.State, u.Omitted, len(u.Result), want)
		}
	}
}

// Pulls hand out every result once, whatever their limits, and never more bytes than
// asked for, unless one result alone is larger.
func TestPullsHandOutEachResultOnce(t *testing.T) {
	each(t, 10, func(t *testing.T, rng *rand.Rand) {
		r := newRig(t, func(c *Config) { c.ShareWindow = 5 })
		r.hand(40, "k0", "k1", "k2")
		var want, got []ha.TaskID
		for range 40 {
			want = append(want, r.submit(ha.TaskSpec{Kind: "k" + strconv.Itoa(rng.IntN(3))}))
		}
		rng.Shuffle(len(want), func(i, j int) { want[i], want[j] = want[j], want[i] })
		for _, id := range want {
			r.finish(id, step.Finished{Result: []byte(strings.Repeat("1", 1+rng.IntN(2000)))})
		}
		for pulls := 0; len(got) < len(want) && pulls < 50; pulls++ {
			in := step.PullTasks{At: r.now, Limit: 1 + rng.IntN(10), Bytes: rng.IntN(5000)}
			results, _ := r.step(in).Body.([]step.Result)
			bytes := 0
			for _, one := range results {
				got = append(got, one.ID)
				bytes += len(one.Result) + 300
			}
			if len(results) == 0 || len(results) > in.Limit || len(results) > 1 && bytes > in.Bytes {
				t.Fatalf("%d results of %d bytes for %+v", len(results), bytes, in)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}

// Attempts are fenced by their activations: the answer to an old one, however late and
// however often, does nothing to the task, though the same worker has it again.
func TestOldAttemptsAnswerInVain(t *testing.T) {
	r := newRig(t, nil)
	w := r.hand(2, "k")
	id := r.submit(ha.TaskSpec{Kind: "k", Timeout: 1000, Retry: &ha.Retry{MaxAttempts: 5, Backoff: 100, Jitter: -1}})
	old := r.core.activationsOf(w)[0]
	r.tick(time.Second + 500*time.Millisecond)
	r.tick(100 * time.Millisecond)
	r.want("state", r.state(id), ha.TaskRunning)
	now := r.core.activationsOf(w)[1]
	for _, outcome := range []ha.Outcome{ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeTimedOut} {
		r.step(step.Available{At: r.now, Worker: w, Finished: []step.Finished{{Activation: old, Outcome: outcome, Result: []byte("1"), Permanent: true}}})
		record, _ := r.core.TaskRecord(id)
		if record.State != ha.TaskRunning || record.Activation != now || record.Failures != 1 || record.Result != nil {
			t.Fatalf("after %s of the old attempt: %+v", outcome, record)
		}
	}
	r.refused(r.step(step.Progress{At: r.now, Worker: w, Activation: old, Percent: 9}), "not_yours")
	r.step(step.Available{At: r.now, Worker: w, Finished: []step.Finished{{Activation: now, Outcome: ha.OutcomeDone, Result: []byte("2")}}})
	for range 2 {
		r.step(step.Available{At: r.now, Worker: w, Finished: []step.Finished{{Activation: now, Outcome: ha.OutcomeFailed}, {Activation: old, Outcome: ha.OutcomeDone}}})
		record, _ := r.core.TaskRecord(id)
		r.want("state", record.State, ha.TaskCompleted)
		r.want("result", string(record.Result), "2")
	}
	r.want("completed", kindsOf(r.core, "k").Completed, uint64(1))
}

// What is handed in may share memory that is used again at once, as that of a message.
func TestTasksHaveMemoryOfTheirOwn(t *testing.T) {
	r := newRig(t, nil)
	r.hand(1, "k")
	payload, metadata, result := []byte(`"payload"`), []byte(`"metadata"`), []byte(`"result"`)
	id := r.submit(ha.TaskSpec{Kind: "k", Payload: payload, Metadata: metadata})
	r.finish(id, step.Finished{Result: result})
	for _, b := range [][]byte{payload, metadata, result} {
		clear(b)
	}
	record, _ := r.core.TaskRecord(id)
	r.want("payload", string(record.Payload), `"payload"`)
	r.want("metadata", string(record.Metadata), `"metadata"`)
	r.want("result", string(record.Result), `"result"`)
}

// A limit on a key holds whoever waits already, in whatever order the limits come,
// and a lower one does not turn the order of those that wait.
func TestLimitsOfKeysComeLate(t *testing.T) {
	r := newRig(t, nil)
	var want []ha.TaskID
	for i := range 6 {
		want = append(want, r.submit(ha.TaskSpec{ID: ha.TaskID("t" + strconv.Itoa(i)), Kind: "k", ConcurrencyKey: "x"}))
	}
	for _, n := range []int{4, 2, 3, 1} {
		r.step(step.SetLimit{At: r.now, Limit: ha.Limit{Key: "x", Concurrency: n}})
	}
	r.hand(9, "k")
	for i, id := range want {
		if list := r.started(); !slices.Equal(list, []ha.TaskID{id}) {
			t.Fatalf("%d: started %v, want %s alone", i, list, id)
		}
		r.finish(id, step.Finished{})
	}
}
