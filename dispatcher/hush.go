package dispatcher

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Events are told one by one, as a person watching wants them. At a hundred
// thousand tasks a second that would be most of what a dispatcher does, and mostly
// for nobody. NATS tells who publishes with a reply subject when nobody listens. So
// of each sort of event the first hushFree in each hushWindow are always published;
// of those beyond, one now and then asks whether there is a listener, and while
// there is none the others are dropped. Who begins to listen at such a rate misses
// hushFor at the most; at lower rates nothing is ever missed.
const (
	hushWindow = 100 * time.Millisecond
	hushFree   = 100
	hushFor    = 400 * time.Millisecond
)

// manner says how an event is to be told.
type manner int

const (
	told    manner = iota // to whoever listens
	probing               // with a reply subject, where NATS answers if nobody does
	hushed                // not at all
)

// hush keeps account of the sorts of events. It is owned by the outbox, but for
// what NATS answers.
type hush struct {
	d       *Dispatcher
	inbox   string
	sub     *nats.Subscription
	now     time.Time
	window  time.Time
	told    [step.TellResumed + 1]int // since the window began
	asked   [step.TellResumed + 1]time.Time
	deserts [step.TellResumed + 1]atomic.Bool // nobody listened when it was asked last
}

func newHush(d *Dispatcher) *hush {
	h := &hush{d: d, inbox: d.nc.NewInbox()}
	sub, err := d.nc.Subscribe(h.inbox+".*", func(m *nats.Msg) {
		sort, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
		if err == nil && sort >= 0 && sort < len(h.deserts) && m.Header.Get("Status") == "503" {
			h.deserts[sort].Store(true)
		}
	})
	if err != nil {
		d.cfg.Log.Debug().Err(err).Msg("listening whether events are listened to")
		return h // without answers everything is told
	}
	h.sub = sub
	return h
}

func (h *hush) stop() {
	if h.sub != nil {
		_ = h.sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
	}
}

// tick sets the time, once a commit.
func (h *hush) tick(now time.Time) {
	h.now = now
	if now.Sub(h.window) >= hushWindow {
		h.window = now
		clear(h.told[:])
	}
}

// ask says how to tell an event of that sort.
func (h *hush) ask(sort step.EffectType) manner {
	if h.told[sort]++; h.told[sort] <= hushFree {
		return told
	}
	if h.sub != nil && h.now.Sub(h.asked[sort]) >= hushFor {
		h.asked[sort] = h.now
		h.deserts[sort].Store(false)
		return probing
	}
	if h.deserts[sort].Load() {
		return hushed
	}
	return told
}

// reply is where NATS says that nobody listens.
func (h *hush) reply(sort step.EffectType) string {
	return h.inbox + "." + strconv.Itoa(int(sort))
}
