package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// collectorRoom is how much garbage a small heap may gather before it is collected.
	collectorRoom = 320 << 20
	// leastCollectorPercent bounds what a large one may gather, in percent of what is in use.
	leastCollectorPercent = 60
	// mostCollectorPercent bounds the same for a heap of next to nothing.
	mostCollectorPercent = 1000
)

// TuneCollector adapts Go's garbage collector to what a dispatcher is like. With
// few tasks its heap is small and its garbage comes fast: collecting whenever the heap
// has doubled, as is the default, would be all the time. With millions of tasks the
// heap is large, and twice its size would be memory for nothing. So after each
// collection the next is set for when a fixed room is used up, but for large heaps at a
// part of their size. It does nothing where GOGC or GOMEMLIMIT say otherwise, which
// are for whoever runs the process to decide.
func TuneCollector(env Environment) {
	if env.Get("GOGC") != "" || env.Get("GOMEMLIMIT") != "" {
		return
	}
	retuneCollector(nil)
}

// sentinel is garbage at once, so that its finalizer runs after each collection.
type sentinel struct{ _ [16]byte }

func retuneCollector(*sentinel) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := mostCollectorPercent
	if live[0].Value.Kind() == metrics.KindUint64 {
		percent = collectorPercent(live[0].Value.Uint64())
	}
	debug.SetGCPercent(percent)
	runtime.SetFinalizer(new(sentinel), retuneCollector)
}

// collectorPercent is GOGC for a heap of which so many bytes are in use.
func collectorPercent(live uint64) int {
	return int(min(max(100*collectorRoom/max(live, 1), leastCollectorPercent), mostCollectorPercent))
}
