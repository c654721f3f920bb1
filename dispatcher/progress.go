package dispatcher

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// The names of reports of progress and of ends in the table of requests.
const (
	progressName  = "progress"
	availableName = "available"
)

const (
	// progressLook is how often a report of an end looks whether what was said before it has been handled.
	progressLook = 100 * time.Microsecond
	// progressWait bounds how long it waits.
	progressWait = time.Second
)

// progressReports is the subscription to reports of progress. A worker sends its last one right before it reports
// the end of the task, on another subject. The client library delivers the messages of each
// subscription on a goroutine of its own, so that the second would overtake the first, and what it says
// would be lost. So reports of ends wait until those of progress that arrived before them have been handed
// over.
type progressReports struct {
	done    <-chan struct{}
	sub     *nats.Subscription
	handled atomic.Uint64
}

// counted returns a handler that counts what next has handed over.
func (p *progressReports) counted(next nats.MsgHandler) nats.MsgHandler {
	return func(m *nats.Msg) {
		defer p.handled.Add(1)
		next(m)
	}
}

// before returns a handler that calls next when the reports that arrived before have been handed over.
func (p *progressReports) before(next nats.MsgHandler) nats.MsgHandler {
	return func(m *nats.Msg) {
		p.await()
		next(m)
	}
}

// await returns once all reports that have arrived are handed over.
func (p *progressReports) await() {
	before := p.handled.Load()
	arrived, _, err := p.sub.Pending() // with that whose callback runs
	if err != nil || arrived == 0 {
		return
	}
	timer := time.NewTimer(progressLook)
	defer timer.Stop()
	for limit := time.Now().Add(progressWait); time.Now().Before(limit); timer.Reset(progressLook) {
		select {
		case <-p.done:
			return
		case <-timer.C:
		}
		if left, _, err := p.sub.Pending(); err != nil || left == 0 || p.handled.Load()-before >= uint64(arrived) {
			return
		}
	}
}
