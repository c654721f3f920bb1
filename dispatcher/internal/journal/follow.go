package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// heartbeat is how often the server shows that a consumer is alive when there is
	// nothing to deliver, and silence how long a follower believes in one that does not.
	heartbeat = 500 * time.Millisecond
	silence   = 5 * heartbeat / 2
	// stalledAfter is after how many heartbeats without an entry a follower asks whether there are any.
	stalledAfter = 4
	// followPause is the time between two attempts to get a consumer.
	followPause = 250 * time.Millisecond
	// followLimit bounds one request of a follower, so that it asks again soon after
	// the server that was asked has died.
	followLimit = time.Second
	// deliveryQueue is how many messages may wait between the client's goroutine and ours.
	deliveryQueue = 1024
)

// ackPrefix begins the reply subject of what a consumer delivers, and of nothing else that it
// sends. An entry written by somebody else may be empty, and have any headers.
const ackPrefix = "$JS.ACK."

// errRenew ends the life of one consumer: another one goes on where it stopped.
var errRenew = errors.New("consumer lost")

// Follow implements [Log]. It outlives servers and connections: while the
// stream cannot be read it waits for it. Besides what [Log] says it returns
// errors that match [ErrReplaced], [ErrCorrupt] if an entry is missing in the
// middle, or [nats.ErrConnectionClosed]. fn is called by this goroutine.
//
// It reads through a push consumer with flow control in one replica's memory,
// as replays and live entries then come without a request each, and a consumer
// that dies is noticed within 1.25 s. A replica may be behind, so whoever must
// see the newest entry asks Bounds first and follows up to it.
func (j *JetStream) Follow(ctx context.Context, from uint64, fn func(Entry) error) error {
	f := &follower{j: j, fn: fn, next: from, fresh: from <= 1}
	pause := time.NewTimer(followPause)
	defer pause.Stop()
	for {
		err := f.consume(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("follow journal: %w", context.Cause(ctx))
		}
		if f.ended {
			return err
		}
		if j.nc.IsClosed() {
			return fmt.Errorf("follow journal: %w", nats.ErrConnectionClosed)
		}
		f.logFailure(err)
		pause.Reset(followPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// follower is one call of Follow.
type follower struct {
	j     *JetStream
	fn    func(Entry) error
	next  uint64 // the sequence fn gets next
	fresh bool   // fn got none yet, and may begin anywhere
	ended bool   // the error is the caller's, not a reason to try again

	failureLogged bool
	shortSince    time.Time // when the log was first seen to end before next-1

	// Of the consumer at hand.
	delivered uint64 // its own count of deliveries
	idle      int    // heartbeats in a row without a delivery between them
}

// end makes err the result of Follow.
func (f *follower) end(err error) error {
	f.ended = true
	return err
}

// logFailure logs the first of a row of failures. A consumer that is lost and
// found again is nothing to report.
func (f *follower) logFailure(err error) {
	event := f.j.cfg.Logger.Debug()
	if !errors.Is(err, errRenew) && !f.failureLogged {
		f.failureLogged = true
		event = f.j.cfg.Logger.Warn()
	}
	event.Err(err).Uint64("next", f.next).Msg("cannot follow the journal now, trying again")
}

// bounds is [JetStream.Bounds] with a limit of its own.
func (f *follower) bounds(ctx context.Context) (first, last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, followLimit)
	defer cancel()
	first, last, err = f.j.Bounds(ctx)
	if errors.Is(err, ErrReplaced) {
		err = f.end(err)
	}
	return first, last, err
}

// position moves next to where reading can begin.
func (f *follower) position(ctx context.Context) error {
	first, last, err := f.bounds(ctx)
	if err != nil {
		return err
	}
	if f.fresh && f.next < first {
		f.next = first
	}
	if f.next < first {
		return f.end(fmt.Errorf("follow journal from %d: it begins at %d: %w", f.next, first, ErrGap))
	}
	if f.next <= last+1 {
		f.shortSince = time.Time{}
		return nil
	}
	// The servers that a partition has cut off may not know the last entries, and
	// answer until they notice.
	if f.shortSince.IsZero() {
		f.shortSince = time.Now()
	}
	err = fmt.Errorf("follow journal from %d: it ends at %d: %w", f.next, last, ErrReplaced)
	if time.Since(f.shortSince) >= f.j.shrunkPatience {
		return f.end(err)
	}
	return err
}

// consume lives as long as one consumer, and always returns an error.
func (f *follower) consume(ctx context.Context) error {
	if err := f.position(ctx); err != nil {
		return err
	}
	inbox := f.j.nc.NewInbox()
	messages := make(chan *nats.Msg, deliveryQueue)
	gone := make(chan struct{})
	defer close(gone)
	// Flow control keeps what waits in the client below 32 MiB, so blocking its
	// goroutine for this subscription drops nothing.
	sub, err := f.j.nc.Subscribe(inbox, func(m *nats.Msg) {
		select {
		case messages <- m:
		case <-gone:
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	name := "follow-" + inbox[strings.LastIndexByte(inbox, '.')+1:]
	if err := f.create(ctx, name, inbox); err != nil {
		return err
	}
	// Nobody waits for the reply. Were it lost, the server drops the consumer 5 s
	// after the subscription anyway.
	defer func() { _ = f.j.nc.Publish(apiConsumerDelete+f.j.stream+"."+name, nil) }()
	f.failureLogged, f.delivered = false, 0
	return f.drain(ctx, messages)
}

func (f *follower) create(ctx context.Context, name, inbox string) error {
	ctx, cancel := context.WithTimeout(ctx, followLimit)
	defer cancel()
	request := map[string]any{
		"stream_name": f.j.stream,
		"config": map[string]any{
			"name":               name,
			"deliver_subject":    inbox,
			"deliver_policy":     "by_start_sequence",
			"opt_start_seq":      f.next,
			"ack_policy":         "none",
			"replay_policy":      "instant",
			"max_deliver":        1,
			"flow_control":       true,
			"idle_heartbeat":     heartbeat.Nanoseconds(),
			"inactive_threshold": (5 * time.Second).Nanoseconds(),
			"num_replicas":       1,
			"mem_storage":        true,
		},
	}
	return call(ctx, f.j.nc, apiConsumerCreate+f.j.stream+"."+name, request, &emptyReply{})
}

// drain takes messages until the consumer has to be renewed.
func (f *follower) drain(ctx context.Context, messages <-chan *nats.Msg) error {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-messages:
			if err := f.handle(ctx, m); err != nil {
				return err
			}
			timer.Reset(silence) // fn may have taken its time
		case <-timer.C:
			if len(messages) == 0 {
				return fmt.Errorf("no sign of life in %s: %w", silence, errRenew)
			}
			timer.Reset(silence)
		}
	}
}

// handle handles one message of the consumer.
func (f *follower) handle(ctx context.Context, m *nats.Msg) error {
	if !strings.HasPrefix(m.Reply, ackPrefix) { // what is delivered has a subject to acknowledge it on
		return f.handleControl(ctx, m)
	}
	f.idle = 0
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("message on a consumer's inbox: %w", err)
	}
	if meta.Sequence.Consumer != f.delivered+1 {
		return fmt.Errorf("delivery %d came after %d: %w", meta.Sequence.Consumer, f.delivered, errRenew)
	}
	f.delivered++
	seq := meta.Sequence.Stream
	if seq < f.next {
		return nil // from a replica that was behind when the consumer began
	}
	if seq > f.next {
		if err := f.fillGap(ctx, seq); err != nil {
			return err
		}
	}
	if seq < f.next {
		return nil // purged with all before it, and fn begins later
	}
	return f.deliver(ReadEntry(seq, m.Data))
}

// deliver passes an entry on.
func (f *follower) deliver(e Entry, err error) error {
	if err == nil {
		err = f.fn(e)
	}
	if err != nil {
		return f.end(err)
	}
	f.next, f.fresh = e.Seq+1, false
	return nil
}

// handleControl handles what the consumer says about itself.
func (f *follower) handleControl(ctx context.Context, m *nats.Msg) error {
	if m.Header.Get("Status") != "100" {
		return fmt.Errorf("consumer says %q %q: %w", m.Header.Get("Status"), m.Header.Get("Description"), errRenew)
	}
	if m.Reply != "" { // flow control: everything sent before has been handled
		return f.j.nc.Publish(m.Reply, nil)
	}
	if stalled := m.Header.Get("Nats-Consumer-Stalled"); stalled != "" {
		if err := f.j.nc.Publish(stalled, nil); err != nil {
			return err
		}
	}
	if last, err := strconv.ParseUint(m.Header.Get("Nats-Last-Consumer"), 10, 64); err == nil && last > f.delivered {
		return fmt.Errorf("delivery %d never came: %w", last, errRenew)
	}
	if f.idle++; f.idle%stalledAfter == 0 {
		return f.lookBehind(ctx)
	}
	return nil
}

// lookBehind asks the stream's leader whether there are entries that the consumer does not
// deliver: those of a damaged store are not, and it says nothing of that.
func (f *follower) lookBehind(ctx context.Context) error {
	_, last, err := f.bounds(ctx)
	if err != nil || last < f.next {
		return err
	}
	return f.fillGap(ctx, last+1)
}

// fillGap closes the gap between the entry due next and the one at seq. Either
// it was purged meanwhile, or the replica that delivers lacks what the
// stream's leader has.
func (f *follower) fillGap(ctx context.Context, seq uint64) error {
	for f.next < seq {
		e, err := f.fetch(ctx)
		if errors.Is(err, ErrGap) {
			err = f.explainGap(ctx)
			if err == nil {
				continue // the beginning has moved
			}
		}
		if err != nil {
			return err
		}
		if err := f.deliver(e, nil); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) fetch(ctx context.Context) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, followLimit)
	defer cancel()
	e, err := f.j.Get(ctx, f.next)
	if errors.Is(err, ErrNewer) {
		err = f.end(err)
	}
	return e, err
}

// explainGap explains why the entry due next is not there. nil: reading may go on from
// the moved f.next.
func (f *follower) explainGap(ctx context.Context) error {
	missing := f.next
	if err := f.position(ctx); err != nil || f.next > missing {
		return err
	}
	return f.end(fmt.Errorf("follow journal: entry %d is missing from the middle of the stream: %w", missing, ErrCorrupt))
}
