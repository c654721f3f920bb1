package sim

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number reads a number from the environment.
func number(t testing.TB, name string, otherwise uint64) (n uint64, given bool) {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n, true
}

// explain plays a run that failed again, with a trace, and says how to do so.
func explain(t *testing.T, o Options, err error) {
	t.Helper()
	o.Trace = true
	report, again := Run(o)
	if again == nil || again.Error() != err.Error() {
		t.Errorf("the run cannot be repeated: then %v", again)
	}
	const most = 150
	if n := len(report.Trace) - most; n > 0 && os.Getenv("HA_SEED") == "" {
		report.Trace = append([]string{fmt.Sprintf("(%d lines before)", n)}, report.Trace[n:]...)
	}
	t.Errorf("%s\n\n%v\nto see it all: HA_SEED=%d go test ./dispatcher/internal/sim -run '^TestWorld$'", strings.Join(report.Trace, "\n"), err, o.Seed)
}

// each plays the seeds from 0 on all processors and returns the failure of the
// lowest seed that has one.
func each(seeds uint64, mutation Mutation) (total Tally, failed Options, failure error) {
	var next atomic.Uint64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				o := Options{Seed: next.Add(1) - 1, Mutation: mutation}
				if o.Seed >= seeds {
					return
				}
				report, err := Run(o)
				mu.Lock()
				total.Add(report.Tally)
				if err != nil {
					next.Store(seeds)
					if failure == nil || o.Seed < failed.Seed {
						failed, failure = o, err
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return total, failed, failure
}

// TestWorld plays thousands of worlds. HA_SIM_SEEDS says how many, HA_SEED plays
// one of them and shows what happened.
func TestWorld(t *testing.T) {
	if seed, given := number(t, "HA_SEED", 0); given {
		o := Options{Seed: seed, Trace: true}
		report, err := Run(o)
		if err != nil {
			explain(t, o, err)
			return
		}
		t.Logf("%s\n%+v", strings.Join(report.Trace, "\n"), report.Tally)
		return
	}
	seeds, _ := number(t, "HA_SIM_SEEDS", defaultSeeds)
	began := time.Now()
	total, failed, err := each(seeds, NoMutation)
	if err != nil {
		explain(t, failed, err)
		return
	}
	took := time.Since(began)
	t.Logf("%d seeds in %s, %.0f a second: %+v", seeds, took.Round(time.Millisecond), float64(seeds)/took.Seconds(), total)
	if unnoticed := total.Unseen + total.Unheard; 5*unnoticed > total.Damages+25 {
		t.Errorf("of %d losses %d were not noticed", total.Damages, unnoticed)
	}
	for i, n := range total.list() {
		if *n == 0 && seeds > 100 {
			t.Errorf("count %d of %+v is 0: the worlds are too peaceful to prove anything", i, total)
		}
	}
}

// mutationSeeds is in how many worlds a mutation must be noticed once.
const mutationSeeds = 600

// TestMutations builds a fault in and expects that some world notices soon.
func TestMutations(t *testing.T) {
	for _, c := range []struct {
		mutation Mutation
		name     string
		noticed  string // is in the failure, or one of those that '|' separates
	}{
		{NoReconciliation, "no reconciliation", "not|without a fault|runs on"},
		{NoDedupe, "no dedupe", "run before|its worker never said that"},
		{ReplyBeforeCommit, "reply before commit", "no committed record says so"},
		{HastyEviction, "hasty eviction", "would go on, and was not paused"},
		{NoCompareAndSet, "no compare and set", "log:|at the same time|although it knows"},
		{NoNaming, "no naming", "log:|at the same time"},
		{NoLease, "no lease", "leaves after something of epoch"},
		{AskOnce, "ask once", "leaves after something of epoch"},
		{NoFencing, "no fencing", "its worker never said that|was told that its report"},
		{NoTaskIDs, "no task ids", "it was submitted before|so was another one with its id"},
		{NoTimeouts, "no timeouts", "and its timeout is"},
		{NoCancels, "no cancels", "within"},
		{NoDependencies, "no dependencies", "which it comes after"},
		{LostPieces, "lost pieces", "the cleaned journal"},
		{NoReceipts, "no receipts", "no committed record says so"},
		{NoDeletes, "no deletes", "no committed record says so|was deleted, and the log has"},
		{ErrorsPass, "errors pass", "no committed record says so|log:|at the same time|lives and is not registered"},
		{HastyRepeats, "hasty repeats", "appends refused within a second"},
		{StaleCompare, "stale compare", "log:|at the same time"},
		{NoSieve, "no sieve", "entry"},
		{WallTime, "wall time", "would go on, and was not paused|lives and is not registered|nobody leads|at the same time"},
		{NoPauses, "no pauses", "this is set"},
		{NoMark, "no mark", "although it knows"},
		{DeafToMarks, "deaf to marks", "although it knows|accepts a loss under epoch"},
		{LowEpoch, "low epoch", "accepts a loss under epoch|although it knows"},
		{NoLook, "no look", "at the same time|claims after|comes too late|lives and is not registered|goes back|its program reads|another state"},
		{NoPrev, "no prev", "another state|says nothing"},
		{GapsPass, "gaps pass", "another state|says nothing|although it knows"},
		{HastyUpgrade, "hasty upgrade", "cannot read it"},
		{SkipNewer, "skip newer", "its program reads|another state|is registered"},
		{RoomIgnored, "room ignored", "is taken, and room is short"},
		{HastyPurge, "hasty purge", "the cleaned journal"},
		{Believing, "believing", "was not given to it|run before|is activated again|not registered"},
		{FreeReturns, "free returns", "nobody said that its worker is leaving"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, failed, err := each(mutationSeeds, c.mutation)
			if err == nil {
				t.Fatalf("%d worlds did not notice", mutationSeeds)
			}
			if !slices.ContainsFunc(strings.Split(c.noticed, "|"), func(text string) bool { return strings.Contains(err.Error(), text) }) {
				t.Errorf("seed %d noticed something else: %v", failed.Seed, err)
			}
			t.Log(err)
		})
	}
}

// TestSameSeedSameWorld: without it no failure could be looked into.
func TestSameSeedSameWorld(t *testing.T) {
	for seed := range uint64(5) {
		o := Options{Seed: seed, Trace: true}
		a, err1 := Run(o)
		b, err2 := Run(o)
		if err1 != nil || err2 != nil || !slices.Equal(a.Trace, b.Trace) {
			t.Errorf("seed %d: %d and %d lines, %v, %v", seed, len(a.Trace), len(b.Trace), err1, err2)
		}
		if o.Trace = false; a.Tally != must(Run(o)).Tally {
			t.Errorf("seed %d: with a trace it is another world", seed)
		}
	}
}

func must(r Report, err error) Report {
	if err != nil {
		panic(err)
	}
	return r
}
