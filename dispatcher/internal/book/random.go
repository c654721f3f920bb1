package book

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// author makes a journal at random.
type author struct {
	*Book
	rng  *rand.Rand
	task []ha.TaskID
	each func()
}

// Random writes a journal of that many random steps, with all that tasks may have, several
// leaderships and, from time to time, a snapshot between whose pieces the work goes on. It calls
// each, unless that is nil, after every entry.
func Random(tb testing.TB, rng *rand.Rand, steps int, each func(b *Book)) *Book {
	tb.Helper()
	config := core.Config{
		FleetConfig: core.FleetConfig{Timing: ha.DefaultTiming(), ActivateEvery: activateEvery, ShareWindow: 100, MaxWorkers: 1000},
		TaskConfig: core.TaskConfig{
			Aging: 10 * time.Minute, TaskTimeout: 30 * time.Minute, MaxTasks: 1000, MaxTaskBytes: 1 << 30,
			Retain: 20 * time.Second, RetainFailed: 40 * time.Second, RetainTasks: 1000, RetainBytes: 1 << 30,
		},
	}
	a := &author{rng: rng, Book: &Book{tb: tb, Core: core.New(config), now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), At: map[string]int{}}}
	a.each = func() {
		if each != nil {
			each(a.Book)
		}
	}
	epoch := uint64(1)
	a.leads(epoch)
	for i := range steps {
		switch n := rng.IntN(200); {
		case n == 0:
			epoch++
			a.leads(epoch)
		case n == 1 && i > 0:
			a.snapshots()
		default:
			a.some()
		}
	}
	return a.Book
}

func (a *author) leads(epoch uint64) {
	prev := journal.Name{}
	if n := len(a.Entries); n > 0 {
		prev = a.Entries[n-1].Name()
	}
	node := "d" + fmt.Sprint(epoch%3)
	a.next = journal.Entry{Format: 2, Epoch: epoch, Node: node, Nonce: epoch * 17, Prev: prev}
	a.clock()
	a.write(journal.EntryClaim, nil)
	a.each()
	start := core.Start{Elapsed: a.now, Date: a.now, Epoch: ha.Epoch(epoch), Node: node, Format: 2}
	if err := a.Core.LeadFrom(start, &a.ready); err != nil {
		a.tb.Fatal(err)
	}
	a.put("")
}

func (a *author) clock() {
	a.next.Clock = journal.Clock{Elapsed: a.now.UnixNano(), Date: a.now.UnixNano()}
}

// put writes what the steps made.
func (a *author) put(name string) {
	a.clock()
	if a.ready.Records.Len() > 0 {
		a.flush(name)
		a.each()
	}
	a.ready.Reset()
}

// snapshots writes a snapshot, with other steps between its pieces.
func (a *author) snapshots() {
	for r := range a.Core.Snapshot() {
		a.ready.Records.Add(r)
		if r.Type() == record.TypeBegun || r.Type().Single() && a.rng.IntN(4) == 0 {
			a.put("snapshot")
			if r.Type().Single() && a.rng.IntN(2) == 0 {
				a.some()
			}
		}
	}
	a.put("totals")
}

// some makes one step, sensible or not, and writes what came of it.
func (a *author) some() {
	a.now = a.now.Add(time.Duration(a.rng.IntN(400)) * time.Millisecond)
	in := a.input()
	if in == nil {
		return
	}
	reply := a.Core.Step(in, &a.ready)
	if _, ok := in.(step.Submit); ok && reply.Err == nil {
		a.task = append(a.task, reply.Task)
	}
	a.put("")
}

func (a *author) input() step.Input {
	kind, pool := fmt.Sprint("k", a.rng.IntN(3)), []string{"default", "p1"}[a.rng.IntN(2)]
	switch n := a.rng.IntN(100); {
	case n < 8:
		return step.Hello{At: a.now, Weight: ha.Weight(1 + a.rng.IntN(3)), Slots: 1 + a.rng.IntN(3), Instance: fmt.Sprint("i", a.rng.IntN(8)),
			Pools: []string{"default", "p1"}[:1+a.rng.IntN(2)], Kinds: []string{"k0", "k1", "k2"}[a.rng.IntN(3):]}
	case n < 40:
		return step.Submit{At: a.now, Spec: a.spec()}
	case n < 75:
		return a.ends()
	case n < 79:
		return step.CancelTask{At: a.now, ID: a.one()}
	case n < 83:
		return step.RetryTask{At: a.now, ID: a.one()}
	case n < 84:
		return step.RunTask{At: a.now, ID: a.one()}
	case n < 85:
		return step.DeleteTask{At: a.now, ID: a.one()}
	case n < 88:
		return step.PullTasks{At: a.now, Limit: 1 + a.rng.IntN(5), Bytes: 1000, Receipt: fmt.Sprint("r", a.rng.IntN(10))}
	case n < 90:
		return step.SetPause{At: a.now, Paused: a.rng.IntN(3) == 0, Kind: kind}
	case n < 92:
		return step.SetLimit{At: a.now, Limit: []ha.Limit{
			{Kind: kind, Concurrency: 1 + a.rng.IntN(3)}, {Pool: pool, Concurrency: 1 + a.rng.IntN(4)},
			{Key: "*", Concurrency: a.rng.IntN(3)}, {Key: "x1", Concurrency: a.rng.IntN(3)}}[a.rng.IntN(4)]}
	case n < 95:
		return step.ChangeBatch{At: a.now, Name: a.group(), Close: a.rng.IntN(2) == 0}
	case n < 96:
		if w := a.busy(); len(w) > 0 {
			return step.Gone{At: a.now, Worker: w[0].Worker}
		}
	}
	return step.Tick{At: a.now, Wall: a.now}
}

// busy returns the workers that run something.
func (a *author) busy() (list []fleet.WorkerView) {
	for w := range a.Core.Workers(0) {
		if w.Running > 0 {
			list = append(list, w)
		}
	}
	a.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// ends lets a worker end all that it runs.
func (a *author) ends() step.Input {
	list := a.busy()
	if len(list) == 0 {
		return nil
	}
	in := step.Available{At: a.now, Worker: list[0].Worker}
	for _, id := range a.task {
		t, err := a.Core.TaskRecord(id)
		if err != nil || t.State != ha.TaskRunning || t.Worker != in.Worker {
			continue
		}
		f := step.Finished{Activation: t.Activation, Outcome: ha.OutcomeDone, Result: fmt.Appendf(nil, "%d", a.rng.IntN(1_000_000))}
		if a.rng.IntN(4) == 0 {
			f.Outcome, f.Error, f.Result, f.Permanent = ha.OutcomeFailed, "e", nil, a.rng.IntN(3) == 0
		}
		in.Finished = append(in.Finished, f)
	}
	if len(in.Finished) == 0 {
		return nil
	}
	return in
}

func (a *author) group() string { return fmt.Sprint("b", a.rng.IntN(6)) }

func (a *author) one() ha.TaskID {
	if len(a.task) == 0 {
		return "none"
	}
	return a.task[max(0, len(a.task)-1-a.rng.IntN(20))]
}

func (a *author) spec() *ha.TaskSpec {
	one := func(n int) bool { return a.rng.IntN(n) == 0 }
	s := &ha.TaskSpec{
		Kind: fmt.Sprint("k", a.rng.IntN(3)), Priority: a.rng.IntN(3) - 1, Payload: fmt.Appendf(nil, `{"n":%d}`, a.rng.IntN(100)),
		Retry: &ha.Retry{MaxAttempts: 1 + a.rng.IntN(3), Backoff: ha.Millis(1 + a.rng.IntN(3000))},
	}
	if one(4) {
		for range 1 + a.rng.IntN(3) {
			if id := a.one(); !slices.Contains(s.After, id) {
				s.After = append(s.After, id)
			}
		}
	}
	if one(6) {
		s.RunAt = a.now.Add(time.Duration(a.rng.IntN(20)-5) * time.Second)
	}
	if one(6) {
		s.UniqueKey = fmt.Sprint("u", a.rng.IntN(4))
	}
	if one(4) {
		s.ConcurrencyKey = fmt.Sprint("x", a.rng.IntN(3))
	}
	if one(4) {
		s.Batch = a.group()
	}
	if one(10) {
		s.AfterBatch = a.group()
	}
	if one(4) {
		for range 2 + a.rng.IntN(2) {
			s.Steps = append(s.Steps, ha.Step{Kind: fmt.Sprint("k", a.rng.IntN(3)), Partial: one(4)})
		}
	}
	return s
}
