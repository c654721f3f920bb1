package dispatcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/internal/pause"
)

const (
	// lookEvery is the time between two looks at the place that the journal is kept in, diskEvery between two at
	// what a server in this process says of its store, and lookAgain until a look that found something wrong
	// is repeated.
	lookEvery = 500 * time.Millisecond
	diskEvery = 100 * time.Millisecond
	lookAgain = 100 * time.Millisecond
	// lookTimeout bounds one look.
	lookTimeout = time.Second
	// blindAfter is after how long without an answer a dispatcher does not know where the journal stands.
	blindAfter = 5 * time.Second
	// replicaPatience is for how long several replicas may seem to have lost entries: the servers that
	// a partition has cut off may not know the last ones, and answer until they notice. Nothing is acknowledged meanwhile.
	replicaPatience = 15 * time.Second
	// noticedAfter is the most that passes until a store in this process that is gone is noticed.
	noticedAfter = time.Second
)

// errFault ends a term because the store is not whole.
var errFault = errors.New("the journal's store is not whole")

// lookedAt is a journal whose place can be looked at while it is in use.
type lookedAt interface {
	Look(ctx context.Context) (journal.Look, error)
	Room(ctx context.Context, replicas int) (journal.Room, error)
	SyncCaveat(ctx context.Context) string
}

// guard looks after the place that the journal is kept in, for as long as a dispatcher runs: whether
// it still holds what was acknowledged, and whether it has room. What is not said to be otherwise belongs to its
// goroutine.
type guard struct {
	d    *Dispatcher
	log  lookedAt // nil: the journal is in memory
	room roomGuard

	base    journal.Look // of the first look
	based   bool
	seen    time.Time    // when a look was answered last
	purged  journal.Look // the first look that showed entries gone from the beginning, and is not explained
	suspect time.Time    // since when replicas seem to have lost entries; zero: they do not
	bad     int          // looks in a row that found something wrong
	high    uint64       // the highest position that this dispatcher had
	sounds  []soundLook  // the last looks that found nothing wrong

	// shut keeps messages from leaving. It may be read concurrently.
	shut atomic.Bool
	// untold is the last entry that a leader acknowledged whose leadership ended before anything was found to
	// be wrong, as an append may fail before the next look; 0: there is none.
	untold atomic.Uint64

	mu      sync.Mutex
	fault   error              // what is wrong; nil: nothing
	over    bool               // the term is to end for it
	endTerm context.CancelFunc // of the term that runs; nil: none does
	mended  chan struct{}      // closed when the fault is over; nil: there is none
	whole   uint64             // at which position the store was last seen whole, when the fault was found
	caveat  string
}

type soundLook struct {
	at       time.Time
	position uint64
}

// watch begins to look after the journal's place. The function it returns ends that.
func (g *guard) watch(log journal.Log) (stop func()) {
	g.log, _ = log.(lookedAt)
	if g.log == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer g.room.stopRefusing()
		g.lookAtSync(ctx)
		for ctx.Err() == nil {
			wait := g.look(ctx)
			g.lookAtRoom(ctx)
			g.rest(ctx, wait)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// rest waits until the next look: that long, or until the disk is gone, if that can be seen.
func (g *guard) rest(ctx context.Context, wait time.Duration) {
	disk := g.d.cfg.Disk
	if disk == nil || g.faulty() {
		_ = pause.Sleep(ctx, wait) // ctx ended: so does the caller
		return
	}
	for ; wait > 0 && ctx.Err() == nil && disk.StoreGone() == nil; wait -= diskEvery {
		_ = pause.Sleep(ctx, min(wait, diskEvery)) // the same
	}
}

// lookAtSync finds out whether the servers wait for their disks.
func (g *guard) lookAtSync(ctx context.Context) {
	caveat := g.log.SyncCaveat(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.caveat = caveat; caveat != "" {
		g.d.cfg.Log.Warn().Msg(caveat)
	}
}

// warnings are what an operator should know of the journal's place, and no trouble.
func (g *guard) warnings() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.caveat == "" {
		return nil
	}
	return []string{g.caveat}
}

// look looks once, and returns when to look again.
func (g *guard) look(ctx context.Context) time.Duration {
	began, position := time.Now(), g.d.member.highest()
	g.high = max(g.high, position)
	if disk := g.d.cfg.Disk; disk != nil {
		if err := disk.StoreGone(); err != nil {
			g.fail(err, true)
			return lookEvery
		}
		out := cmp.Or(disk.StoreApart(), disk.StoreStuck())
		g.d.health.note(troubleDisk, out)
		if out != nil {
			return lookEvery // nothing is acknowledged, and nothing can be seen
		}
	}
	limit, cancel := context.WithTimeout(ctx, lookTimeout)
	l, err := g.log.Look(limit)
	cancel()
	if ctx.Err() != nil {
		return 0
	}
	g.tellSettings(l, err)
	found, wrong := g.judge(l, err)
	g.tellBlind(found, err)
	switch found {
	case nothing:
		return lookEvery
	case undecided:
		return lookAgain
	case sound:
		g.bad, g.suspect = 0, time.Time{}
		g.pass(began, position)
		return lookEvery
	default:
		if g.bad++; g.bad == 1 && found == doubtful {
			return lookAgain
		}
		if g.suspect.IsZero() {
			g.suspect = began
		}
		g.fail(wrong, found == certain || g.base.Replicas <= 1 || time.Since(g.suspect) >= replicaPatience)
		return lookEvery
	}
}

// tellBlind tells if nobody has said for a while where the journal stands. A standby of a server that is cut off may be
// answered by one that does not know it yet, and waits without a word for entries that do not come.
func (g *guard) tellBlind(found finding, err error) {
	switch {
	case found != nothing || g.seen.IsZero():
		g.seen = time.Now()
		g.d.health.note(troubleBlind, nil)
	case time.Since(g.seen) >= blindAfter:
		g.d.health.note(troubleBlind, fmt.Errorf("where the journal stands is not known for %s: %w", time.Since(g.seen).Round(time.Second), err))
	}
}

// finding is what a look found.
type finding uint8

const (
	nothing   finding = iota // nobody answered, which whoever appends says
	sound                    // nothing is wrong
	undecided                // it is too early to tell
	doubtful                 // something is wrong, unless a server answered that is behind, or has just started
	certain                  // something is wrong
)

// judge says what is wrong with what a look showed.
func (g *guard) judge(l journal.Look, err error) (found finding, wrong error) {
	switch {
	case errors.Is(err, journal.ErrReplaced):
		return certain, anew(err)
	case errors.Is(err, journal.ErrGone):
		return doubtful, anew(err)
	case err != nil && len(l.Repaired) == 0:
		return nothing, nil
	}
	if !g.based {
		g.based, g.base = true, l
	}
	g.base.Replicas, g.room.replicas = l.Replicas, l.Replicas
	switch _, whole := g.d.member.purgeable(); {
	case l.Last < g.high:
		return doubtful, anew(fmt.Errorf("the journal's stream ends at entry %d, and entry %d was in it", l.Last, g.high))
	case l.Missing > g.base.Missing:
		return certain, anew(fmt.Errorf("%d entries are missing from the journal's stream between %d and %d, as somebody removed them",
			l.Missing, l.First, l.Last))
	case l.First > max(g.base.First, whole):
		return g.judgePurge(l)
	}
	g.purged = journal.Look{}
	return sound, nil
}

// judgePurge tells entries that somebody removed from the beginning of the journal from
// those that a leader has removed: it does so after the end of a snapshot, which comes to be known here
// at the latest with the entry that was the last one when that was first seen.
func (g *guard) judgePurge(l journal.Look) (found finding, wrong error) {
	if g.purged.First == 0 {
		g.purged = l
	}
	position, whole := g.d.member.purgeable()
	switch allowed := max(g.base.First, whole); {
	case position < g.purged.Last:
		return undecided, nil
	case g.purged.First <= allowed: // and more was removed since
		g.purged = l
		return undecided, nil
	default:
		return certain, anew(fmt.Errorf("the journal's stream begins at entry %d, as somebody purged it, and what is left can only be read from %d",
			l.First, allowed))
	}
}

// anew adds to err what to do about it.
func anew(err error) error {
	return fmt.Errorf("%w; stop all dispatchers and restore a backup or, if what is there now is what you want, just start them again", err)
}

// tellSettings tells of settings of the stream that somebody has changed.
func (g *guard) tellSettings(l journal.Look, err error) {
	if err != nil && len(l.Repaired) == 0 {
		return // nothing was seen of them
	}
	if len(l.Repaired) > 0 && err == nil {
		g.d.cfg.Log.Warn().Strs("settings", l.Repaired).Msg("somebody changed settings of the journal's stream so that entries could be lost: they are put right")
	}
	switch {
	case err != nil:
		g.d.health.note(troubleSettings, fmt.Errorf("settings of the journal's stream were changed so that entries can be lost: %w", err))
	case l.Unsafe != "":
		g.d.health.note(troubleSettings, fmt.Errorf("%w: %s; back its entries up, delete the stream and restore them", journal.ErrUnsafeStream, l.Unsafe))
	default:
		g.d.health.note(troubleSettings, nil)
	}
}

// pass takes note that the store was seen whole when it held the entry at position, and ends a
// fault.
func (g *guard) pass(at time.Time, position uint64) {
	g.untold.Store(0)
	g.sounds = append(g.sounds, soundLook{at, position})
	for len(g.sounds) > 1 && time.Since(g.sounds[1].at) >= noticedAfter {
		g.sounds = g.sounds[1:]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fault == nil {
		return
	}
	g.fault, g.over = nil, false
	close(g.mended)
	g.shut.Store(false)
	g.d.health.note(troubleStore, nil)
}

// fail takes note of what is wrong. Nothing is acknowledged from then on. over: the term ends, too.
func (g *guard) fail(err error, over bool) {
	g.shut.Store(true)
	defer func() {
		if last := g.untold.Load(); over && last > 0 && g.untold.CompareAndSwap(last, 0) {
			g.tellLoss(last)
		}
	}()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fault == nil {
		g.mended, g.whole = make(chan struct{}), 0
		if len(g.sounds) > 0 {
			g.whole = g.sounds[0].position
		}
	}
	g.fault = err
	g.d.health.note(troubleStore, fmt.Errorf("nothing is acknowledged any more, as %w", err))
	if over {
		g.over = true
		if g.endTerm != nil {
			g.endTerm()
		}
	}
}

// begin returns the context of a term, which ends when the store is found not to be whole.
func (g *guard) begin(ctx context.Context) (term context.Context, done context.CancelFunc) {
	term, cancel := context.WithCancel(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endTerm = cancel
	if g.over {
		cancel()
	}
	return term, func() {
		cancel()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.endTerm = nil
	}
}

// faulty reports whether the term is to end because the store is not whole.
func (g *guard) faulty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.over
}

// awaitWhole returns when the store is whole, or ctx ends, or the connection is closed, which is an error.
func (g *guard) awaitWhole(ctx context.Context, closed <-chan nats.Status) error {
	g.mu.Lock()
	over, mended := g.over, g.mended
	g.mu.Unlock()
	if !over {
		return nil
	}
	select {
	case <-mended:
		return nil
	case <-ctx.Done():
		return nil
	case <-closed:
		return nats.ErrConnectionClosed
	}
}

// tellLoss says which entries a leader acknowledged since the store was last seen whole. last is the last one.
func (g *guard) tellLoss(last uint64) {
	g.mu.Lock()
	fault, whole := g.fault, g.whole
	g.mu.Unlock()
	event := g.d.cfg.Log.Error().Err(fault).Uint64("last_whole", whole).Uint64("last_acknowledged", last)
	if last <= whole {
		event.Msg("leading no longer: the journal's store is not whole. Nothing was acknowledged since it was last seen whole")
		return
	}
	event.Msg(fmt.Sprintf("leading no longer: the journal's store is not whole. Entries %d to %d were acknowledged since it was last seen whole,"+
		" and may be lost", whole+1, last))
}
