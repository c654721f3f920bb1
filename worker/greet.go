package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// helloTimeout bounds the wait for the answer to a hello, which is the first
// that could announce another.
const helloTimeout = ha.DefaultReplyTimeout

// helloTriesToMove is after how many tries, with pauses of seconds by then, the connection moves to another server.
const helloTriesToMove = 5

// errBadReply is a reply to a hello that no worker could live by. Another
// dispatcher, or this one mended, may give a better one.
var errBadReply = errors.New("unusable reply")

// greet says hello until it is answered, and returns the membership that
// follows. It returns nil where ctx was cancelled, with an error where the
// dispatcher refuses this worker for good or the connection was closed.
//
// Every repetition carries the same instance, so that a hello whose answer was
// lost makes one registration and not two.
func (l *life) greet(ctx context.Context) (*membership, error) {
	slots := l.w.cfg.Slots - l.executor.running()
	hello := l.w.cfg.hello(nuid.Next())
	hello.Slots, hello.Kinds = slots, l.kinds
	m := newMembership(l)
	pauses := newBackoff()
	for tries := 1; ctx.Err() == nil; tries++ {
		l.w.roamer.Again()
		reply, err := l.hello(m, hello)
		if err == nil {
			err = m.begin(reply, slots)
		}
		if err == nil {
			l.w.roamer.Answered()
			return m, nil
		}
		if tries >= helloTriesToMove && l.w.roamer.Unanswered() {
			l.log.Warn().Int("tries", tries).Msg("moving to another NATS server: this one may be cut off from the dispatcher")
		}
		if final(err) {
			m.close()
			return nil, fmt.Errorf("hello: %w", err)
		}
		wait := pauses.Next()
		level := zerolog.DebugLevel
		if tries == 1 || tries%10 == 0 {
			level = zerolog.WarnLevel
		}
		l.log.WithLevel(level).Err(err).Int("tries", tries).Dur("pause", wait).Msg("hello not answered")
		_ = pause.Sleep(ctx, wait) // ctx ended: so does the loop
	}
	m.close()
	return nil, nil
}

// final reports whether an error of a hello will not go away by itself.
func final(err error) bool {
	a := classify(err)
	return a == refused || a == settled || errors.Is(err, nats.ErrConnectionClosed)
}

// hello says it once. The shared subject is listened to before, so that no
// activation falls between the registration and the subscription. The wait does
// not end with Run's context: where the dispatcher has just registered us, we
// want to know, to say bye.
func (l *life) hello(m *membership, hello subjects.Hello) (subjects.HelloReply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), helloTimeout)
	defer cancel()
	var reply subjects.HelloReply
	if err := m.listenShared(ctx); err != nil {
		return reply, err
	}
	body, err := json.Marshal(hello)
	if err != nil {
		return reply, fmt.Errorf("encode it: %w", err)
	}
	err = m.wire.ask(ctx, l.w.names.Hello(), body, &reply)
	return reply, err
}

// timing checks what the dispatcher announced.
func timing(r subjects.HelloReply) (ha.Timing, error) {
	const most = int64(24 * time.Hour / time.Millisecond)
	for _, ms := range []int64{r.HeartbeatMS, r.ReplyTimeoutMS, r.EvictAfterMS} {
		if ms < 1 || ms > most {
			return ha.Timing{}, fmt.Errorf("%w: times must be from 1 to %d ms, got %d", errBadReply, most, ms)
		}
	}
	t := ha.Timing{
		Heartbeat:    time.Duration(r.HeartbeatMS) * time.Millisecond,
		ReplyTimeout: time.Duration(r.ReplyTimeoutMS) * time.Millisecond,
		Misses:       r.Misses,
		EvictAfter:   time.Duration(r.EvictAfterMS) * time.Millisecond,
	}
	if problems := t.Problems(); len(problems) > 0 {
		return ha.Timing{}, fmt.Errorf("%w: %s", errBadReply, strings.Join(problems, "; "))
	}
	return t, nil
}
