package fleet

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/share"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Config holds the rules a [Fleet] works by. The dispatcher validates them.
type Config struct {
	Timing ha.Timing
	// ActivateEvery is the time between two plain activations; 0: whenever a worker is idle.
	ActivateEvery time.Duration
	// ShareWindow is the number of last activations balanced; 0: all.
	ShareWindow int
	// Direct: workers that offer it are sent activations on a subject of their own.
	Direct bool
	// MaxWorkers is how many may be registered.
	MaxWorkers int
}

// Fleet is the registered workers. It must not be used concurrently.
type Fleet struct {
	cfg      Config
	common   *step.Common
	observer Observer

	// The recorded state, changed by applying records alone.
	lastActivated time.Time
	counts        record.Counts
	registrations uint64
	workers       map[ha.WorkerID]*Worker
	instances     map[string]*Worker
	order         order
	groups        [groups]group // by Worker.group
	sections      sections

	history []record.History // of the snapshot being loaded
	arena   arena
	live    liveness // soft
	// pauses are those after rejections, and oftenRejecting counts the workers that reject often. Soft.
	pauses         pauses
	oftenRejecting int
	// beat is when a plain activation is next due, on the axis of the elapsed time. Soft.
	beat time.Time
	// activated is the record that Activate fills in each time.
	activated record.Activated
}

// Observer is told when the sections of the fleet change.
type Observer interface {
	// SectionAdded is called before the first worker of a new section joins it.
	SectionAdded(s *Section)
	// SectionDropped is called when the last worker of a section has left it.
	SectionDropped(s *Section)
}

// The groups among which activations are shared.
const (
	plainGroup = 0 // workers that named no kinds: they take plain activations
	kindGroup  = 1 // the others
	groups     = 2
)

// group is the workers that share one sort of work.
type group struct {
	selector *share.Selector[*Worker]
	// activations is the sum of the members' counts since registration.
	activations uint64
}

// New returns a Fleet without workers. It tells observer, which may be nil, of changes.
func New(cfg Config, common *step.Common, observer Observer) *Fleet {
	f := &Fleet{
		cfg: cfg, common: common, observer: observer,
		workers: make(map[ha.WorkerID]*Worker), instances: make(map[string]*Worker), sections: newSections(),
	}
	f.resetGroups()
	return f
}

func (f *Fleet) resetGroups() {
	for i := range f.groups {
		f.groups[i] = group{selector: share.New[*Worker](f.cfg.ShareWindow)}
	}
}

// Find returns the worker of that id, or nil.
func (f *Fleet) Find(id ha.WorkerID) *Worker { return f.workers[id] }

// Lead begins a leadership at an elapsed time: it gives every worker a full grace period, and keeps the
// pace of activations that the journal shows.
func (f *Fleet) Lead(at time.Time) {
	f.live, f.pauses, f.oftenRejecting = liveness{}, pauses{}, 0
	for w := range f.order.after(0) {
		w.soft = soft{}
		f.Reconsider(w)
		for i := range w.runs {
			w.runs[i].omitted = 0
		}
		f.noteHeard(w)
	}
	f.beat = at
	last := f.lastActivated
	if len(f.common.Timeline.Pieces()) > 0 && !last.IsZero() {
		last = step.Moment(f.common.Timeline.ElapsedOf(last.UnixNano()))
	}
	if due := last.Add(f.cfg.ActivateEvery); due.After(at) && due.Sub(at) <= f.cfg.ActivateEvery {
		f.beat = due
	}
}

// NextWake returns the elapsed time at which the fleet next wants a tick; the zero time: never.
func (f *Fleet) NextWake() time.Time {
	var wake time.Time
	if f.groups[plainGroup].selector.IdleLen() > 0 {
		wake = f.beat
	}
	if w := f.live.first; w != nil {
		if evict := w.soft.lastSeen.Add(f.cfg.Timing.EvictAfter); wake.IsZero() || evict.Before(wake) {
			wake = evict
		}
	}
	if at, w := f.pauses.first(); w != nil && (wake.IsZero() || at.Before(wake)) {
		wake = at
	}
	return wake
}

// record applies r and adds it to out.
func (f *Fleet) record(out *step.Ready, r record.Record) {
	step.Must(f.Apply(r))
	out.Records.Add(r)
}

// Tell adds an event about w, or an order to it, to out.
func (f *Fleet) Tell(out *step.Ready, t step.EffectType, w *Worker) *step.Effect {
	out.Effects = append(out.Effects, step.Effect{
		Type: t, At: f.common.Now, Worker: w.Worker, Name: w.Name, Weight: w.Weight, Direct: w.Direct,
	})
	return &out.Effects[len(out.Effects)-1]
}
