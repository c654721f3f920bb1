package core

import (
	"bytes"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// seeds returns n seeds to try, or as many as HA_SEEDS says, or the one in HA_SEED.
func seeds(t testing.TB, n uint64) []uint64 {
	t.Helper()
	if s := os.Getenv("HA_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("HA_SEED: %v", err)
		}
		return []uint64{seed}
	}
	if s := os.Getenv("HA_SEEDS"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("HA_SEEDS: %v", err)
		}
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i)
	}
	return list
}

// each runs f once a seed and says which seed failed.
func each(t *testing.T, n uint64, f func(t *testing.T, rng *rand.Rand)) {
	t.Helper()
	var seed uint64
	defer func() { // f may have ended the test
		if t.Failed() {
			t.Logf("to see it again: HA_SEED=%d go test ./dispatcher/internal/core -run '^%s$'", seed, t.Name())
		}
	}()
	for _, seed = range seeds(t, n) {
		if f(t, rand.New(rand.NewPCG(seed, 7))); t.Failed() {
			return
		}
	}
}

// history is a random sequence of inputs, sensible and not. The rig under it
// compares leader and standby after each.
type history struct {
	*rig
	rng     *rand.Rand
	ids     []ha.WorkerID // registered now or once
	named   []ha.ActivationID
	piece   func() (record.Record, bool) // of a snapshot that is being written
	stop    func()
	cleaned []byte // the journal since that snapshot began
	tasking bool   // half of the steps are about tasks
	keyless bool   // no concurrency key is limited
	tasks   []ha.TaskID
}

func newHistory(t testing.TB, rng *rand.Rand) *history {
	r := newRig(t, func(c *Config) {
		c.ActivateEvery = []time.Duration{0, time.Second, 2 * time.Second}[rng.IntN(3)]
		c.ShareWindow = []int{0, 1, 5, 100}[rng.IntN(4)]
		c.MaxWorkers = 1 + rng.IntN(12)
		c.MaxTasks = 5 + rng.IntN(100)
		c.RetainTasks = rng.IntN(30)
		c.Retain = time.Duration(1+rng.IntN(60)) * time.Second
		c.RetainFailed = time.Duration(1+rng.IntN(120)) * time.Second
		c.Aging = time.Duration(1+rng.IntN(30)) * time.Second
		if rng.IntN(2) == 0 { // many tasks have one hash, and come and go in any order
			c.IDHash = func(id ha.TaskID) uint64 { return uint64(len(id) % 3) }
		}
	})
	return &history{rig: r, rng: rng, tasking: rng.IntN(4) > 0, ids: []ha.WorkerID{"nobody"}, named: []ha.ActivationID{"a1-0", "junk", "a1-18446744073709551616"}}
}

func (h *history) worker() ha.WorkerID {
	// Mostly one of the latest: the earlier ones are gone.
	return h.ids[max(0, len(h.ids)-1-h.rng.IntN(12))]
}

func (h *history) activations(most int) (list []ha.ActivationID) {
	for range h.rng.IntN(most + 1) {
		list = append(list, h.named[max(0, len(h.named)-1-h.rng.IntN(10))])
	}
	return list
}

// do makes one random step.
func (h *history) do() {
	h.t.Helper()
	h.now = h.now.Add(time.Duration(h.rng.IntN(700)) * time.Millisecond)
	begin := len(h.journal)
	switch n := h.rng.IntN(100); {
	case h.tasking && h.rng.IntN(2) == 0:
		h.taskDo()
	case n < 10:
		h.join()
	case n < 35:
		hb := step.Heartbeat{At: h.now, Worker: h.worker(), Running: h.activations(3)}
		if w := h.core.fleet.Find(hb.Worker); w != nil && h.rng.IntN(2) == 0 {
			hb.Running = runningOf(w)
		}
		h.step(hb)
	case n < 65:
		in := step.Available{At: h.now, Worker: h.worker()}
		outcomes := reportable
		for _, a := range h.activations(2) {
			in.Finished = append(in.Finished, step.Finished{Activation: a, Outcome: outcomes[h.rng.IntN(len(outcomes))], Error: "e"})
		}
		h.step(in)
	case n < 70:
		h.step(step.Bye{At: h.now, Worker: h.worker()})
	case n < 98:
		h.step(step.Tick{At: h.now})
	case n == 98:
		h.now = h.now.Add(time.Duration(h.rng.IntN(60)) * time.Second)
		h.step(step.Tick{At: h.now})
	default:
		h.given()
		h.fail()
		begin = len(h.journal)
	}
	for _, e := range h.effects {
		if e.Type == step.SendActivate {
			h.named = append(h.named, e.Activation)
		}
	}
	h.clean(begin)
}

func (h *history) join() {
	in := step.Hello{At: h.now, Weight: ha.Weight(1 + h.rng.IntN(5)), Slots: 1 + h.rng.IntN(9)/6, Name: "n" + strconv.Itoa(h.rng.IntN(3))}
	if h.rng.IntN(2) == 0 {
		in.Instance = strconv.Itoa(h.rng.IntN(20))
	}
	switch {
	case h.tasking && h.rng.IntN(4) > 0:
		h.taskKinds(&in)
	case h.rng.IntN(5) == 0:
		in.Kinds = []string{"k"}
	}
	if reply := h.step(in); reply.Err == nil {
		h.ids = append(h.ids, reply.Worker)
	}
}

func runningOf(w *fleet.Worker) []ha.ActivationID {
	list := []ha.ActivationID{}
	for a := range w.Runs() {
		list = append(list, fleet.ActivationID(a.Run))
	}
	return list
}

// clean writes the snapshot on, in pieces, with the records of the steps between
// them, as the cleaning of a journal does. begin is where the last step's begin.
func (h *history) clean(begin int) {
	h.t.Helper()
	if h.piece != nil {
		h.cleaned = append(h.cleaned, h.journal[begin:]...)
	} else {
		if h.rng.IntN(10) > 0 {
			return
		}
		h.piece, h.stop = iter.Pull(h.core.Snapshot())
		h.cleaned = nil
		begun, _ := h.piece()
		h.put(begun)
	}
	for range h.rng.IntN(4) {
		if h.write() {
			return
		}
	}
}

// write writes a piece. After the last, a new Core made of what was written, and
// one that saw all, are compared with the leader.
func (h *history) write() (complete bool) {
	h.t.Helper()
	r, more := h.piece()
	if !more || !r.Type().Single() {
		for ; more; r, more = h.piece() {
			h.put(r)
		}
		h.given()
		fresh := rebuild(h.t, h.cfg, h.cleaned)
		if want, got := h.core.Digest(nil), fresh.Digest(nil); !bytes.Equal(want, got) {
			h.t.Fatalf("the leader holds, and the snapshot makes:\n%s", unlike(want, got))
		}
		h.standby, h.journal = fresh, h.cleaned
		return true
	}
	h.put(r)
	return false
}

func (h *history) put(r record.Record) {
	h.t.Helper()
	b := encode(r)
	h.cleaned = append(h.cleaned, b...)
	h.journal = append(h.journal, b...)
	replay(h.t, h.standby, b)
}

// given ends the snapshot, complete or given up.
func (h *history) given() {
	if h.stop != nil {
		h.stop()
	}
	h.piece, h.stop = nil, nil
}

// TestStandbyAndSnapshotsFollowEveryHistory is the property that everything else
// rests on: whoever applies the leader's records, from the beginning or from a
// snapshot that was written while the state changed, holds the leader's state.
func TestStandbyAndSnapshotsFollowEveryHistory(t *testing.T) {
	each(t, 60, func(t *testing.T, rng *rand.Rand) {
		h := newHistory(t, rng)
		for range 300 {
			h.do()
		}
		h.given()
	})
}

// TestRestoredStateBehavesTheSame gives the same inputs to a leader and to a Core
// made of its snapshot: they must do the same, not only look the same. One thing
// may differ: which tasks of a concurrency key stand in the queue is up to who leads.
func TestRestoredStateBehavesTheSame(t *testing.T) {
	each(t, 30, func(t *testing.T, rng *rand.Rand) {
		h := newHistory(t, rng)
		h.keyless = true
		for range 100 + rng.IntN(200) {
			h.do()
		}
		h.given()
		h.twin = rebuild(t, h.cfg, h.core.Digest(nil))
		h.lead(h.core.Epoch() + 1) // from here on what is soft is equal, too
		for range 100 {
			h.do()
		}
		h.given()
	})
}

// A dispatcher that failed while it wrote a snapshot leaves its beginning in the
// journal. Whoever starts to read there comes to the next one.
func TestSnapshotGivenUpIsForgotten(t *testing.T) {
	r := newRig(t, nil)
	for i := range 3 {
		r.hello(step.Hello{Weight: ha.Weight(i + 1), Instance: strconv.Itoa(i)})
	}
	next, stop := iter.Pull(r.core.Snapshot())
	var journal []byte
	for range 3 {
		one, _ := next()
		journal = record.Append(journal, one)
	}
	stop()
	begin := len(r.journal)
	r.fail()
	r.hello(step.Hello{Weight: 4})
	first, _ := first(r.core.Workers(0))
	r.step(step.Bye{At: r.now, Worker: first.Worker})
	journal = append(journal, r.journal[begin:]...)
	journal = r.core.Digest(journal)
	if got, want := rebuild(t, r.cfg, journal).Digest(nil), r.core.Digest(nil); !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func first[T any](list iter.Seq[T]) (v T, ok bool) {
	for v := range list {
		return v, true
	}
	return v, false
}

// To those who followed the journal a snapshot is a check.
func TestSnapshotOfAnotherStateIsRefused(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	r.activate(id)
	for one := range r.core.Snapshot() {
		if err := r.standby.Apply(one); err != nil {
			t.Fatalf("%+v: %v", one, err)
		}
		switch one := one.(type) {
		case *record.Begun:
			one.Epoch++
			wantRefused(t, r.standby, one)
		case *record.Restored:
			other := *one
			other.Activations++
			wantRefused(t, r.standby, &other)
			other = *one
			other.Worker = "other"
			wantRefused(t, r.standby, &other)
			wantRefused(t, New(r.cfg), one)
		case *record.Totals:
			one.Counts.Done++
			wantRefused(t, r.standby, one)
		}
	}
}

// reportable are the outcomes that a worker may report.
var reportable = []ha.Outcome{ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeCancelled, ha.OutcomeTimedOut, ha.OutcomeRejected}

func wantRefused(t *testing.T, c *Core, r record.Record) {
	t.Helper()
	if c.Apply(r) == nil {
		t.Errorf("%+v is accepted", r)
	}
}
