package dispatcher

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

const (
	// writeTimeout bounds one append. What takes longer has an unknown outcome, which
	// the member resolves.
	writeTimeout = 2 * time.Second
	// lookTimeout bounds one look at the journal. A stream that has no leader does not
	// answer at all, also not later, so what is left of a look when there is one again
	// is lost to the dispatcher that wants to lead.
	lookTimeout = 500 * time.Millisecond
)

// scribe does for the member what waits: appends, and looks at the journal's
// end, one at a time, each on a goroutine of its own. Everything but the answers
// belongs to the loop.
type scribe struct {
	d      *Dispatcher
	log    journal.Log
	member *journal.Member
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	op      uint64 // of the answer that is awaited; others are stale
	answers chan answer
}

type answer struct {
	op     uint64
	looked bool // an answer to DoReadEnd; otherwise to DoAppend
	passed bool
	look   journal.LogEnd
}

func newScribe(d *Dispatcher, log journal.Log, member *journal.Member) *scribe {
	ctx, cancel := context.WithCancel(context.Background())
	return &scribe{d: d, log: log, member: member, ctx: ctx, cancel: cancel, answers: make(chan answer)}
}

// stop ends what is under way and waits for it.
func (s *scribe) stop() {
	s.cancel()
	s.wg.Wait()
}

// now is the member's clock.
func (s *scribe) now() time.Duration { return s.d.clock() }

// perform starts what the member asks for and returns the rest, which is for the loop.
func (s *scribe) perform(actions []journal.Action) (news []journal.Action) {
	for _, a := range actions {
		switch a.Type {
		case journal.DoAppend:
			s.start(func(ctx context.Context) answer { return answer{passed: s.append(ctx, a)} }, writeTimeout)
		case journal.DoReadEnd:
			s.start(func(ctx context.Context) answer { return answer{looked: true, look: s.look(ctx, a)} }, lookTimeout)
		default:
			news = append(news, a)
		}
	}
	return news
}

func (s *scribe) start(do func(context.Context) answer, within time.Duration) {
	s.op++
	op := s.op
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, within)
		defer cancel()
		a := do(ctx)
		a.op = op
		select {
		case s.answers <- a:
		case <-s.ctx.Done():
		}
	})
}

func (s *scribe) append(ctx context.Context, a journal.Action) bool {
	_, err := s.log.Append(ctx, a.After, a.Entry)
	if err == nil || errors.Is(err, journal.ErrConflict) || s.ctx.Err() != nil {
		s.d.health.set(nil)
	} else {
		s.d.health.set(err)
	}
	return err == nil
}

func (s *scribe) look(ctx context.Context, a journal.Action) journal.LogEnd {
	_, last, err := s.log.Bounds(ctx)
	if err != nil {
		return journal.LogEnd{Failed: true}
	}
	look := journal.LogEnd{Last: last}
	if last > a.After {
		next, err := s.log.Get(ctx, a.After+1)
		switch {
		case err == nil:
			look.Next = &next
		case !errors.Is(err, journal.ErrGap):
			look.Failed = true
		}
	}
	return look
}

// heard passes an answer on to the member.
func (s *scribe) heard(a answer) []journal.Action {
	if a.op != s.op {
		return nil
	}
	if a.looked {
		return s.perform(s.member.EndRead(s.now(), a.look))
	}
	return s.perform(s.member.AppendReturned(s.now(), a.passed))
}

// tick lets the member's time pass.
func (s *scribe) tick() []journal.Action { return s.perform(s.member.Tick(s.now())) }

// wake returns how long until the member wants a tick; ok is false where it wants none.
func (s *scribe) wake() (after time.Duration, ok bool) {
	at, ok := s.member.NextWake()
	return at - s.now(), ok
}
