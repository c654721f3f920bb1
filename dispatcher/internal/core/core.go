package core

import (
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/tasks"
)

// Config holds the rules a [Core] works by: those of its parts. The dispatcher validates
// them.
type Config struct {
	FleetConfig
	TaskConfig
}

type (
	// FleetConfig holds the rules of the fleet.
	FleetConfig = fleet.Config
	// TaskConfig holds the rules of the tasks.
	TaskConfig = tasks.Config
)

// Core is the state machine. See the package comment for how to drive it. It
// must not be used concurrently.
type Core struct {
	cfg    Config
	common *step.Common
	fleet  *fleet.Fleet
	tasks  *tasks.Tasks

	snapshots SnapshotStats // by Replay; soft
	// ahead is how far the wall clock was ahead of the date at the last Tick that knew it. Soft.
	ahead   int64
	decoder record.Decoder
}

// New returns a Core that nobody has registered with.
func New(cfg Config) *Core {
	c := &Core{cfg: cfg}
	c.reset()
	return c
}

// reset makes c know nothing.
func (c *Core) reset() {
	c.common = new(step.Common)
	c.fleet = fleet.New(c.cfg.FleetConfig, c.common, c)
	c.tasks = tasks.New(c.cfg.TaskConfig, c.common, c.fleet)
}

// SectionAdded tells the parts of a new section; see [fleet.Observer].
func (c *Core) SectionAdded(s *fleet.Section) { c.tasks.SectionAdded(s) }

// SectionDropped tells the parts of the end of a section; see [fleet.Observer].
func (c *Core) SectionDropped(s *fleet.Section) { c.tasks.SectionDropped(s) }

// Epoch returns the epoch of the leader whose records were applied last.
func (c *Core) Epoch() ha.Epoch { return c.common.Epoch }

// Leader returns the name of that leader.
func (c *Core) Leader() string { return c.common.Node }

// Loading reports whether a snapshot has begun and not ended.
func (c *Core) Loading() bool { return c.common.Loading }

// Apply changes the state as r says. It keeps no reference to r itself. An error means
// that r cannot follow the records before it: the journal is corrupt, and the state must
// not be used.
func (c *Core) Apply(r record.Record) error {
	switch r := r.(type) {
	case *record.Elected:
		return c.applyElected(r)
	case *record.Begun:
		return c.applyBegun(r)
	case *record.Totals:
		return c.applyTotals(r)
	case *record.FormatSet:
		return c.applyFormat(r)
	case *record.ClockSet:
		return c.applyClock(r)
	case *record.Registered, *record.Removed, *record.Activated, *record.Ended, *record.Restored, *record.History:
		return c.fleet.Apply(r)
	}
	return c.tasks.Apply(r)
}

func (c *Core) applyElected(r *record.Elected) error {
	if r.Epoch <= c.common.Epoch {
		return fmt.Errorf("apply elected: epoch %d does not follow %d", r.Epoch, c.common.Epoch)
	}
	c.common.Epoch, c.common.Node = r.Epoch, r.Node
	return nil
}

// Start says how a leadership begins.
type Start struct {
	// Elapsed is the elapsed time, as a moment, and Date the date. An elapsed time or a date
	// that is behind that of the journal counts as that.
	Elapsed, Date time.Time
	Epoch         ha.Epoch
	Node          string
	// Format is the format of the journal; 0 is 1.
	Format int
}

// Lead is LeadFrom in a journal of format 1, in which the elapsed time and the date are the same.
func (c *Core) Lead(at time.Time, epoch ha.Epoch, node string, out *step.Ready) error {
	return c.LeadFrom(Start{Elapsed: at, Date: at, Epoch: epoch, Node: node}, out)
}

// LeadFrom begins a leadership: it records the epoch and, from format 2 on, the clock, gives every
// worker a full grace period, and keeps the pace of activations that the journal shows.
// The epoch must be higher than any before, and a snapshot applied to its end.
func (c *Core) LeadFrom(s Start, out *step.Ready) error {
	if c.common.Loading {
		return errors.New("lead: the journal ends within a snapshot")
	}
	if s.Format < c.common.Format {
		return fmt.Errorf("lead: the journal has format %d, not %d", c.common.Format, s.Format)
	}
	elapsed, date := s.Elapsed, s.Date
	if s.Format >= 2 {
		elapsed, date = c.continued(elapsed, date)
	}
	elected := &record.Elected{At: date, Epoch: s.Epoch, Node: s.Node}
	if err := c.Apply(elected); err != nil {
		return err
	}
	out.Records.Add(elected)
	if s.Format >= 2 {
		if c.common.Format == 0 {
			c.record(out, &record.FormatSet{At: date, Format: s.Format})
		}
		c.record(out, &record.ClockSet{At: date, Elapsed: elapsed.UnixNano(), Rate: step.RateNormal})
	}
	c.common.Set(elapsed)
	c.common.MayAssign = true
	c.tasks.Lead()
	c.fleet.Lead(elapsed)
	out.Effects = append(out.Effects, step.Effect{Type: step.TellElected, At: date, Name: s.Node})
	return nil
}

// record applies r and adds it to out.
func (c *Core) record(out *step.Ready, r record.Record) {
	step.Must(c.Apply(r))
	out.Records.Add(r)
}

// NextWake returns the elapsed time, as a moment, at which the next Tick is due; the zero time: none is.
func (c *Core) NextWake() time.Time {
	wake := c.fleet.NextWake()
	if at := c.tasks.NextWake(); at > 0 && (wake.IsZero() || at < wake.UnixNano()) {
		wake = step.Moment(at)
	}
	return wake
}
