package dispatcher

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Events are published one by one, as a person watching wants them. At a hundred
// thousand tasks a second that would be most of what a dispatcher does, and mostly
// for nobody. If a message is published with a reply subject, NATS says there that
// nobody listens. So of each type of event the first limitFree in each limitWindow are
// always published; of those beyond, one now and then asks whether there is a listener,
// and while there is none the others are dropped. A program that begins to listen at such
// a rate misses the events of listenerCheckEvery at most; at lower rates it misses none.
const (
	limitWindow        = 100 * time.Millisecond
	limitFree          = 100
	listenerCheckEvery = 400 * time.Millisecond
)

// publishMode says whether and how an event is published.
type publishMode int

const (
	publishEvent    publishMode = iota // to whoever listens
	publishAndCheck                    // with a reply subject, on which NATS says if nobody listens
	dropEvent                          // not at all
)

// eventLimiter counts the events of each type, and decides how to publish them. The
// outbox owns it, and shares unheard with the subscription to inbox.
type eventLimiter struct {
	d         *Dispatcher
	inbox     string
	sub       *nats.Subscription
	now       time.Time
	window    time.Time
	published [step.EffectTypes]int // since the window began
	checked   [step.EffectTypes]time.Time
	unheard   [step.EffectTypes]atomic.Bool // nobody listened at the last check
}

func newEventLimiter(d *Dispatcher) *eventLimiter {
	e := &eventLimiter{d: d, inbox: d.nc.NewInbox()}
	sub, err := d.nc.Subscribe(e.inbox+".*", func(m *nats.Msg) {
		typ, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
		if err == nil && typ >= 0 && typ < len(e.unheard) && m.Header.Get("Status") == "503" {
			e.unheard[typ].Store(true)
		}
	})
	if err != nil {
		d.cfg.Log.Debug().Err(err).Msg("listening whether events are listened to")
		return e // without answers everything is published
	}
	e.sub = sub
	return e
}

func (e *eventLimiter) stop() {
	if e.sub != nil {
		_ = e.sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
	}
}

// tick sets the time, once a commit.
func (e *eventLimiter) tick(now time.Time) {
	e.now = now
	if now.Sub(e.window) >= limitWindow {
		e.window = now
		clear(e.published[:])
	}
}

// mode returns how to publish an event of that type.
func (e *eventLimiter) mode(typ step.EffectType) publishMode {
	if e.published[typ]++; e.published[typ] <= limitFree {
		return publishEvent
	}
	if e.sub != nil && e.now.Sub(e.checked[typ]) >= listenerCheckEvery {
		e.checked[typ] = e.now
		e.unheard[typ].Store(false)
		return publishAndCheck
	}
	if e.unheard[typ].Load() {
		return dropEvent
	}
	return publishEvent
}

// checkSubject is where NATS says that nobody listens.
func (e *eventLimiter) checkSubject(typ step.EffectType) string {
	return e.inbox + "." + strconv.Itoa(int(typ))
}
