package dispatcher

import (
	"strconv"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/subjects"
)

// maxPageBytes bounds one reply with workers, which must fit into the 1 MiB that a
// NATS server carries by default: 1000 workers with 64 pools and 64 kinds each would not.
const maxPageBytes = 900_000

// workers answers a request for the list of workers: at most limit of them, and
// no more than one message may hold.
func (l *loop) workers(after uint64, limit int) subjects.Workers {
	room := maxPageBytes
	if carried := int(l.d.nc.MaxPayload()); carried > 0 { // 0: never connected
		room = min(room, carried)
	}
	total, _ := l.core.Population()
	list := subjects.Workers{Workers: []subjects.WorkerInfo{}, Total: total}
	room -= pageBytes
	last := after
	for v := range l.core.Workers(after) {
		w := info(v)
		room -= infoBytes(&w)
		if n := len(list.Workers); n == limit || n > 0 && room < 0 {
			list.Next = strconv.FormatUint(last, 10)
			break
		}
		list.Workers = append(list.Workers, w)
		last = v.Order
	}
	return list
}

const (
	// pageBytes is the most that the JSON of a list takes besides its workers.
	pageBytes = 100
	// rowBytes is the most that the JSON of a worker takes besides its name, pools
	// and kinds: 310 for the names of its fields, the rest for numbers and times.
	rowBytes = 660
)

// infoBytes returns no less than the length of the JSON of w. Names are tokens,
// which need no escaping.
func infoBytes(w *subjects.WorkerInfo) int {
	n := rowBytes + len(w.Name)
	for _, pool := range w.Pools {
		n += len(pool) + len(`"",`)
	}
	for _, kind := range w.Kinds {
		n += len(kind) + len(`"",`)
	}
	return n
}

func info(v fleet.WorkerView) subjects.WorkerInfo {
	w := subjects.WorkerInfo{
		ID: v.Worker, Name: v.Name, Weight: v.Weight, Activations: v.Activations,
		Share: v.Share, ExpectedShare: v.ExpectedShare, Busy: v.Busy, Running: v.Running, Slots: v.Slots,
		RegisteredAt: v.At, LastSeen: v.LastSeen, Pools: v.Pools, Kinds: v.Kinds, Direct: v.Direct,
		CPU: v.CPU, MemoryBytes: v.MemoryBytes, TasksCompleted: v.Work.Completed, TasksFailed: v.Work.Failed,
		Rejected: v.Rejected, RejectsOften: v.Often, Leaving: v.Leaving,
	}
	if w.Kinds == nil {
		w.Kinds = []string{}
	}
	if v.Work.Completed > 0 {
		w.TaskMS = millis(time.Duration(v.Work.Worked / v.Work.Completed))
	}
	return w
}

// status answers a request for the report of the whole system.
func (l *loop) status() subjects.Status {
	registered, idle := l.core.Population()
	n := l.core.Counts()
	leader := l.d.presence()
	return subjects.Status{
		Leader:      leader,
		Dispatchers: l.d.dispatchers(),
		Journal: subjects.Journal{
			Kind: l.log.Name(), Format: l.term.Format(), Position: l.term.Position(), Bytes: l.term.Cleaning().JournalBytes,
			Warnings: l.d.guard.warnings(),
		},
		Workers: subjects.WorkerCounts{
			Registered: registered, Idle: idle, Busy: registered - idle, Joined: n.Joined, Left: n.Left, Lost: n.Lost,
			Rejecting: l.core.OftenRejecting(),
		},
		Tasks: l.core.TaskCounts(),
		Activations: subjects.Activations{
			Started: n.Started, Running: n.Running, Done: n.Done, Failed: n.Failed, Cancelled: n.Cancelled,
			TimedOut: n.TimedOut, Rejected: n.Rejected, Lost: n.Losses,
		},
		ClockDifferenceMS: l.core.ClockDifference().Milliseconds(),

		UptimeMS:  time.Since(l.ledSince).Milliseconds(),
		Malformed: l.d.malformed.Load(),
		Dropped:   l.d.dropped.Load(),
	}
}
