package dispatcher

import (
	"strconv"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/subjects"
)

// workers answers a request for the list of workers.
func (l *loop) workers(after uint64, limit int) subjects.Workers {
	views, more := l.core.Workers(after, limit)
	total, _ := l.core.Population()
	list := subjects.Workers{Workers: make([]subjects.WorkerInfo, len(views)), Total: total}
	for i, v := range views {
		list.Workers[i] = info(v)
	}
	if more {
		list.Next = strconv.FormatUint(views[len(views)-1].Order, 10)
	}
	return list
}

func info(v core.WorkerView) subjects.WorkerInfo {
	w := subjects.WorkerInfo{
		ID: v.Worker, Name: v.Name, Weight: v.Weight, Activations: v.Activations,
		Share: v.Share, ExpectedShare: v.ExpectedShare, Busy: v.Busy, Running: v.Running, Slots: v.Slots,
		RegisteredAt: v.At, LastSeen: v.LastSeen, Pools: v.Pools, Kinds: v.Kinds, Direct: v.Direct,
		CPU: v.CPU, MemoryBytes: v.MemoryBytes,
	}
	if w.Kinds == nil {
		w.Kinds = []string{}
	}
	return w
}

// status answers a request for the report of the whole system.
func (l *loop) status() subjects.Status {
	registered, idle := l.core.Population()
	n := l.core.Counts()
	leader := subjects.Dispatcher{Name: l.core.Leader(), Epoch: l.core.Epoch(), Role: "leader", Position: l.position}
	return subjects.Status{
		Leader:      leader,
		Dispatchers: []subjects.Dispatcher{leader},
		Journal:     subjects.Journal{Kind: l.log.Kind(), Position: l.position},
		Workers: subjects.WorkerCounts{
			Registered: registered, Idle: idle, Busy: registered - idle, Joined: n.Joined, Left: n.Left, Lost: n.Lost,
		},
		Activations: subjects.Activations{
			Started: n.Started, Running: n.Running, Done: n.Done, Failed: n.Failed, Cancelled: n.Cancelled,
			TimedOut: n.TimedOut, Rejected: n.Rejected, Lost: n.Losses,
		},
		UptimeMS:  time.Since(l.ledSince).Milliseconds(),
		Malformed: l.d.malformed.Load(),
		Dropped:   l.d.dropped.Load(),
	}
}
