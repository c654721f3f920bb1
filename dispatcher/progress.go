package dispatcher

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seed261fe303/ha/subjects"
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
// over. What a micro service does with an endpoint does not tell that, so this is no endpoint.
type progressReports struct {
	d       *Dispatcher
	inbox   chan<- inboxItem
	done    <-chan struct{}
	sub     *nats.Subscription
	handled atomic.Uint64
}

// listenToProgress subscribes to reports of progress. What they say goes to inbox until done is closed.
func (d *Dispatcher) listenToProgress(inbox chan<- inboxItem, done <-chan struct{}) (*progressReports, error) {
	p := &progressReports{d: d, inbox: inbox, done: done}
	subject := d.names.ProgressAll()
	var err error
	if p.sub, err = d.nc.QueueSubscribe(subject, micro.DefaultQueueGroup, p.take); err != nil {
		return nil, fmt.Errorf("serve %s: %w", subject, err)
	}
	return p, nil
}

func (p *progressReports) take(m *nats.Msg) {
	defer p.handled.Add(1)
	item, err := p.d.decode(m.Subject, m.Header.Get(subjects.HeaderStrict) == "true", m.Data)
	if err != nil {
		p.d.refuseMessage(m, err)
		return
	}
	item.ReplyTo = m.Reply
	select {
	case p.inbox <- item:
	case <-p.done:
	}
}

// before returns a handler that calls next when the reports that arrived before have been handed over.
func (p *progressReports) before(next micro.Handler) micro.Handler {
	return micro.HandlerFunc(func(req micro.Request) {
		p.await()
		next.Handle(req)
	})
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

// stop ends the subscription after what has arrived.
func (p *progressReports) stop() {
	if err := p.sub.Drain(); err != nil {
		p.d.cfg.Log.Debug().Err(err).Msg("ending the subscription to progress")
	}
}

// refuseMessage answers a malformed message that is no request of a micro service.
func (d *Dispatcher) refuseMessage(m *nats.Msg, err error) {
	d.malformed.Add(1)
	d.cfg.Log.Debug().Err(err).Str("subject", m.Subject).Int("bytes", len(m.Data)).Msg("malformed message refused")
	if m.Reply == "" {
		return
	}
	refusal, body := subjects.EncodeError(err)
	reply := nats.NewMsg(m.Reply)
	reply.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
	reply.Header.Set(subjects.HeaderError, subjects.HeaderText(refusal.Message))
	reply.Data = body
	if err := d.nc.PublishMsg(reply); err != nil {
		d.cfg.Log.Warn().Err(err).Str("subject", m.Subject).Msg("answering a malformed message")
	}
}
