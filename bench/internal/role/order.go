// Package role is what the processes of a comparison do that are not servers: a
// worker, a producer, and one that answers plain NATS requests. The comparing
// program runs itself again for each, and gives it orders over standard input, one
// JSON object a line, each of which is answered by one on standard output.
//
// Times are taken by the process that does the thing, by the wall clock, which all
// processes of one machine share.
package role

import (
	"slices"
	"time"

	"github.com/seed261fe303/ha/bench/internal/queue"
)

// The roles.
const (
	Worker   = "worker"
	Producer = "producer"
	Echo     = "echo"
)

// Config is what a process is told when it starts.
type Config struct {
	Role     string         `json:"role"`
	Settings queue.Settings `json:"settings"`
	// Socket is where a producer listens for the worker's signals.
	Socket string `json:"socket"`
}

// The orders.
const (
	// DoStart has a worker begin.
	DoStart = "start"
	// DoAwait waits until a worker has completed Tasks since it began.
	DoAwait = "await"
	// DoReport answers the latencies that a worker saw, and forgets them.
	DoReport = "report"
	// DoSubmit submits Tasks, in batches of Batch, from Lanes goroutines.
	DoSubmit = "submit"
	// DoPing submits one task at a time, each when the one before was handled, up to
	// Tasks or for Seconds.
	DoPing = "ping"
	// DoPace submits Rate tasks a second for Seconds, one a request.
	DoPace = "pace"
	// DoSteady submits a batch whenever the worker has handled one, for Seconds.
	DoSteady = "steady"
	// DoRoundTrip measures plain NATS requests to the process that echoes, one at a time.
	DoRoundTrip = "round trip"
)

// Order says what to do.
type Order struct {
	Do      string  `json:"do"`
	Tasks   int     `json:"tasks,omitempty"`
	Batch   int     `json:"batch,omitempty"`
	Lanes   int     `json:"lanes,omitempty"`
	Rate    float64 `json:"rate,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	// Stamp has a worker note from submission to the start of its handler.
	Stamp bool `json:"stamp,omitempty"`
	// Every has a worker tell the producer of each so many tasks that it handled.
	Every int `json:"every,omitempty"`
}

// Answer says what came of an order.
type Answer struct {
	Error string `json:"error,omitempty"`
	// Begun and Ended are times in nanoseconds since 1970.
	Begun   int64    `json:"begun,omitempty"`
	Ended   int64    `json:"ended,omitempty"`
	Tasks   int64    `json:"tasks,omitempty"`
	Latency *Latency `json:"latency,omitempty"`
}

// Took is the time from Begun to Ended.
func (a Answer) Took() time.Duration { return time.Duration(a.Ended - a.Begun) }

// Latency sums up measured times, in nanoseconds.
type Latency struct {
	Count  int           `json:"count"`
	Median time.Duration `json:"median"`
	P99    time.Duration `json:"p99"`
	Max    time.Duration `json:"max"`
}

// summarize returns nil where nothing was measured.
func summarize(took []time.Duration) *Latency {
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	last := len(took) - 1
	return &Latency{Count: len(took), Median: took[last/2], P99: took[last*99/100], Max: took[last]}
}
