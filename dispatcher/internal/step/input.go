package step

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Input is something that happened: one of the types below.
type Input interface {
	// Time returns when it arrived, on the axis of the elapsed time; see [Timeline]. If that
	// is before an earlier input's time, the earlier input's counts.
	Time() time.Time
}

// Hello asks for a registration. Its values are validated already.
type Hello struct {
	At       time.Time
	Weight   ha.Weight
	Name     string
	Pools    []string
	Kinds    []string
	Slots    int
	Instance string
	Direct   bool
}

// Heartbeat says that a worker lives.
type Heartbeat struct {
	At     time.Time
	Worker ha.WorkerID
	// Running lists what the worker holds. Nil: it does not say.
	Running     []ha.ActivationID
	CPU         float64
	MemoryBytes int64
	// Leaving: the worker takes no more work, and will say bye.
	Leaving bool
}

// Available says that a worker ended activations.
type Available struct {
	At     time.Time
	Worker ha.WorkerID
	// Finished lists what ended. Empty: all that the worker ran, with outcome done.
	Finished []Finished
	// Leaving is as in a [Heartbeat].
	Leaving bool
}

// Finished is one ended activation of an [Available].
type Finished struct {
	Activation ha.ActivationID
	Outcome    ha.Outcome
	Error      string
	// Permanent and Result are for the task of the activation. Result may share memory.
	Permanent bool
	Result    []byte
	// Omitted: the worker lives, and its heartbeats do not name the activation. No worker
	// reports that; it follows from the heartbeats.
	Omitted bool
	// Leaving: what its worker hands back it hands back because it is leaving.
	Leaving bool
}

// Gone says that a worker's process is gone.
type Gone struct {
	At     time.Time
	Worker ha.WorkerID
}

// Progress says how far an activation's task is.
type Progress struct {
	At         time.Time
	Worker     ha.WorkerID
	Activation ha.ActivationID
	Percent    float64
	Text       string
}

// Submit asks for a task. The spec is validated and not changed; its payload may
// share memory.
type Submit struct {
	At   time.Time
	Spec *ha.TaskSpec
}

// CancelTask asks to cancel a task.
type CancelTask struct {
	At time.Time
	ID ha.TaskID
}

// RetryTask asks to put back a task that ended badly or, if ID is empty, up to
// Limit failed ones of a kind.
type RetryTask struct {
	At    time.Time
	ID    ha.TaskID
	Kind  string
	Limit int
}

// RunTask asks to start a task now that is to run later.
type RunTask struct {
	At time.Time
	ID ha.TaskID
}

// DeleteTask asks to forget a task that has ended.
type DeleteTask struct {
	At time.Time
	ID ha.TaskID
}

// PullTasks asks for results.
type PullTasks struct {
	At                  time.Time
	Limit               int
	Pool, Kind, Receipt string
	// Bytes bounds the results together; the first is handed out in any case.
	Bytes int
}

// SetPause pauses or resumes a kind or a pool, of which one is set.
type SetPause struct {
	At         time.Time
	Kind, Pool string
	Paused     bool
}

// SetLimit limits a kind, a pool or a key.
type SetLimit struct {
	At    time.Time
	Limit ha.Limit
}

// ChangeBatch asks for a batch, which it creates, closes, or gives a task to end with.
type ChangeBatch struct {
	At    time.Time
	Name  string
	Close bool
	Then  *ha.TaskSpec
}

// Room says whether the journal's store has room for new work. A leader begins with room.
type Room struct {
	At time.Time
	// Short: only what is under way may be written down, so that it can come to its end. Why says
	// why, for whoever is refused.
	Short bool
	Why   string
}

// Bye asks to be deregistered.
type Bye struct {
	At     time.Time
	Worker ha.WorkerID
}

// Tick says that time has passed. Wall is what the clock on the wall of the leader shows, by
// which the date is corrected; the zero time: it is not known.
type Tick struct {
	At   time.Time
	Wall time.Time
}

// SetClock asks to move the date forward to Wall at once.
type SetClock struct {
	At   time.Time
	Wall time.Time
}

// Resume says that no time was measured for a while, as the process was stopped: the elapsed
// time goes on at At, and the date from Date, unless it is further already.
type Resume struct {
	At   time.Time
	Date time.Time
}

// UpgradeFormat asks to write the journal in that format, which must be higher than the
// journal's. The entry that its records go into must be of that format.
type UpgradeFormat struct {
	At     time.Time
	Format int
}

// Time returns i.At.
func (i Hello) Time() time.Time { return i.At }

// Time returns i.At.
func (i Heartbeat) Time() time.Time { return i.At }

// Time returns i.At.
func (i Available) Time() time.Time { return i.At }

// Time returns i.At.
func (i Room) Time() time.Time { return i.At }

// Time returns i.At.
func (i Bye) Time() time.Time { return i.At }

// Time returns i.At.
func (i Tick) Time() time.Time { return i.At }

// Time returns i.At.
func (i SetClock) Time() time.Time { return i.At }

// Time returns i.At.
func (i Resume) Time() time.Time { return i.At }

// Time returns i.At.
func (i UpgradeFormat) Time() time.Time { return i.At }

// Time returns i.At.
func (i Gone) Time() time.Time { return i.At }

// Time returns i.At.
func (i Progress) Time() time.Time { return i.At }

// Time returns i.At.
func (i Submit) Time() time.Time { return i.At }

// Time returns i.At.
func (i CancelTask) Time() time.Time { return i.At }

// Time returns i.At.
func (i RetryTask) Time() time.Time { return i.At }

// Time returns i.At.
func (i RunTask) Time() time.Time { return i.At }

// Time returns i.At.
func (i DeleteTask) Time() time.Time { return i.At }

// Time returns i.At.
func (i PullTasks) Time() time.Time { return i.At }

// Time returns i.At.
func (i SetPause) Time() time.Time { return i.At }

// Time returns i.At.
func (i SetLimit) Time() time.Time { return i.At }

// Time returns i.At.
func (i ChangeBatch) Time() time.Time { return i.At }
