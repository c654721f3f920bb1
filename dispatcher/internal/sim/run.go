package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// Options is what a run depends on, and all it depends on.
type Options struct {
	Seed     uint64
	Mutation Mutation
	// Trace keeps a line for everything that happens. It is slow.
	Trace bool
}

// Report is what came of a run.
type Report struct {
	Tally Tally
	// Trace is what happened, line by line, if it was asked for.
	Trace []string
}

// Run plays one world from its beginning to its verdict. The error says which
// invariant failed and when. Runs may go on concurrently.
func Run(o Options) (Report, error) {
	w := newWorld(o)
	for _, d := range w.dispatchers {
		d.start()
	}
	for _, v := range w.workers {
		w.at(w.randomTime(10*time.Second), v.start)
	}
	for _, c := range w.clients {
		c.start()
	}
	w.at(w.randomTime(5*time.Second), w.nemesis.strike)
	w.drawDamage()
	if w.run(time.Minute + w.randomTime(90*time.Second)) {
		w.heal()
		w.judge()
	}
	for _, d := range w.dispatchers {
		d.dropTerm()
	}
	t := &w.nemesis.tally
	t.Events, t.Activations, t.Commits = w.count, len(w.books.activations), w.log.commits
	t.Lost, t.Rejected, t.Evicted = w.books.outcomes[ha.OutcomeLost], w.books.outcomes[ha.OutcomeRejected], int(w.books.lost)
	t.Cleanings = w.log.purges
	t.Tasks.Submitted = len(w.books.tasks)
	if w.failure != nil {
		return Report{*t, w.trace}, fmt.Errorf("seed %d: %w", o.Seed, w.failure)
	}
	return Report{*t, w.trace}, nil
}

// newWorld draws a world from its seed.
func newWorld(o Options) *world {
	w := &world{opts: o, rng: rand.New(rand.NewPCG(o.Seed, 0x5eed)), tracing: o.Trace, begunOnce: map[ha.ActivationID]bool{}}
	w.cfg.FleetConfig = core.FleetConfig{
		Timing:        ha.DefaultTiming(),
		ActivateEvery: pick(w, 0, 500*time.Millisecond, time.Second, 2*time.Second),
		ShareWindow:   pick(w, 0, 1, 20, 40),
		MaxWorkers:    1000,
	}
	w.drawTasks()
	w.liar = &liar{w.node("liar")}
	w.liar.begin()
	if o.Mutation == HastyEviction {
		w.cfg.Timing.EvictAfter = 15 * time.Second
	}
	w.bus = &bus{w: w, cuts: map[link]int{}, faults: faults{
		drop: pick(w, 0, 10, 50, 200), duplicate: pick(w, 0, 10, 100), late: pick(w, 0, 10, 100),
		slow: pick(w, 0, 5, 20), latest: pick(w, 100*time.Millisecond, 3*time.Second, 12*time.Second),
	}}
	w.log = log{
		node: w.node("log"), view: view{first: 1}, slowest: pick(w, time.Millisecond, 5*time.Millisecond, 50*time.Millisecond, 300*time.Millisecond),
		lose: pick(w, 0, 5, 30), late: pick(w, 0, 10, 50), latest: pick(w, time.Second, 6*time.Second, 15*time.Second),
		refuse: pick(w, 0, 5, 30), format: pick(w, format.Oldest, format.Newest-1, format.Newest),
	}
	w.books = newBooks(w)
	w.nemesis = &nemesis{w: w, pause: pick(w, 2*time.Second, 8*time.Second, 30*time.Second), strong: w.chance(700)}
	for i := range pick(w, 1, 2, 2, 3, 3, 4) {
		w.dispatchers = append(w.dispatchers, &dispatcher{
			node: w.syncedNode(fmt.Sprintf("d%d", i+1)), cfg: w.drawConfig(), sizes: w.drawSizes(),
			lease: pick(w, time.Second, 1500*time.Millisecond, 3*time.Second, 6*time.Second),
		})
	}
	w.drawFormats()
	for i := range 1 + w.rng.IntN(8) {
		w.workers = append(w.workers, w.drawWorker(fmt.Sprintf("w%d", i)))
	}
	return w
}

// drawConfig draws the rules of one dispatcher: mostly those of the world, and now and then others
// where each may have its own, as while somebody changes the settings of one after the other.
func (w *world) drawConfig() core.Config {
	cfg := w.cfg
	if w.chance(700) {
		return cfg
	}
	if w.cfg.ActivateEvery > 0 { // otherwise workers are drawn for it
		cfg.ActivateEvery = pick(w, 500*time.Millisecond, time.Second, 2*time.Second)
	}
	w.drawTaskLimits(&cfg.TaskConfig)
	return cfg
}

// drawSizes draws how much a dispatcher does at once.
func (w *world) drawSizes() term.Sizes {
	return term.Sizes{
		Inputs: pick(w, 3, 30, 1024), CommitBytes: pick(w, 500, 5000, term.CommitBytes),
		CleanBytes: pick[uint64](w, 2000, 10_000, 50_000), PieceBytes: pick(w, 50, 1000, 10_000), Chunk: pick(w, 1, 3, 64),
	}
}

func pick[T any](w *world, choices ...T) T { return choices[w.rng.IntN(len(choices))] }

// node makes a node whose clock is up to 3 % fast or slow, and up to an hour off.
func (w *world) node(name string) node {
	return node{w: w, name: name, clock: clock{offset: w.randomTime(time.Hour), ppm: w.rng.Int64N(60_001) - 30_000}}
}

func (w *world) drawWorker(name string) *worker {
	v := &worker{node: w.node(name)}
	v.weight, v.slots, v.manners = ha.Weight(1+w.rng.IntN(6)), 1, obedient
	switch k := w.rng.IntN(100); {
	case k < 12:
		v.manners = forgetful
	case k < 22:
		v.manners = anonymous
	case k < 32:
		v.manners = simple
	}
	if v.manners != simple && w.chance(300) {
		v.slots = 2 + w.rng.IntN(2)
	}
	w.drawKinds(v)
	v.workMin = 50*time.Millisecond + w.randomTime(time.Second)
	if w.cfg.ActivateEvery == 0 {
		v.workMin += 2 * time.Second
	}
	v.workMax = v.workMin + w.randomTime(5*time.Second)
	return v
}
