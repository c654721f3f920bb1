package bench

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	ha "github.com/seed261fe303/ha"
)

// stopwatch notes when each task of a run was submitted, started and completed.
// Its methods may be used concurrently.
type stopwatch struct {
	prefix string
	begin  time.Time
	marks  []marks
	// completed counts tasks that have completed.
	completed atomic.Int64
	// changed holds a token where completed has grown.
	changed chan struct{}
}

// marks are times in nanoseconds since the begin; 0: not yet.
type marks struct{ submitted, started, completed atomic.Int64 }

func newStopwatch(prefix string, n int) *stopwatch {
	return &stopwatch{prefix: prefix + "-", begin: time.Now(), marks: make([]marks, n), changed: make(chan struct{}, 1)}
}

func (s *stopwatch) id(n int) ha.TaskID { return ha.TaskID(s.prefix + strconv.Itoa(n)) }

// of returns the marks of a task, nil where it is none of this run's.
func (s *stopwatch) of(id ha.TaskID) *marks {
	number, ok := strings.CutPrefix(string(id), s.prefix)
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 || n >= len(s.marks) {
		return nil
	}
	return &s.marks[n]
}

func (s *stopwatch) now() int64 { return max(1, int64(time.Since(s.begin))) }

// start notes that a handler was started. Only the first time counts.
func (s *stopwatch) start(id ha.TaskID) {
	if m := s.of(id); m != nil {
		m.started.CompareAndSwap(0, s.now())
	}
}

// complete notes that a task has completed, once.
func (s *stopwatch) complete(id ha.TaskID) {
	m := s.of(id)
	if m == nil || !m.completed.CompareAndSwap(0, s.now()) {
		return
	}
	s.completed.Add(1)
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// latencies returns, of the tasks from one number up to another, the times from
// submission to start, and to completion. A time that is missing is left out.
func (s *stopwatch) latencies(from, to int) (starts, ends []time.Duration) {
	for i := from; i < to; i++ {
		m := &s.marks[i]
		submitted := m.submitted.Load()
		if t := m.started.Load(); t > 0 && submitted > 0 {
			starts = append(starts, time.Duration(t-submitted))
		}
		if t := m.completed.Load(); t > 0 && submitted > 0 {
			ends = append(ends, time.Duration(t-submitted))
		}
	}
	return starts, ends
}

// span returns the time from the first submission of these tasks to their last
// completion.
func (s *stopwatch) span(from, to int) time.Duration {
	first, last := int64(0), int64(0)
	for i := from; i < to; i++ {
		if t := s.marks[i].submitted.Load(); t > 0 && (first == 0 || t < first) {
			first = t
		}
		last = max(last, s.marks[i].completed.Load())
	}
	return time.Duration(last - first)
}
