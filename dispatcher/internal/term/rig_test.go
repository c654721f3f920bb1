package term_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// rig drives a Term on a log in memory. Nothing happens but what a test asks for.
type rig struct {
	t       *testing.T
	log     *journal.Memory
	now     time.Duration
	permit  term.Permit
	cfg     term.Config
	term    *term.Term
	pending []func() term.Answer // questions to the log that are not answered
	sent    []*term.Commit
	purges  int
	// appended is the entry that the term was to append last.
	appended journal.Entry
}

var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// coreConfig activates whoever is idle.
func coreConfig() core.Config {
	return core.Config{
		FleetConfig: core.FleetConfig{Timing: ha.DefaultTiming(), MaxWorkers: 10_000},
		TaskConfig:  core.TaskConfig{Aging: time.Minute, TaskTimeout: time.Minute, MaxTasks: 1000, MaxTaskBytes: 1 << 20, Retain: time.Hour, RetainTasks: 1000, RetainBytes: 1 << 20},
	}
}

// newRig returns a rig whose term has yet to learn where the log begins.
func newRig(t *testing.T, log *journal.Memory, change func(*term.Sizes)) *rig {
	t.Helper()
	r := &rig{t: t, log: log}
	sizes := term.DefaultSizes()
	if change != nil {
		change(&sizes)
	}
	r.cfg = term.Config{
		Name: "d1", Core: coreConfig(), Sizes: sizes,
		Member: journal.MemberConfig{Node: "d1", Nonce: 7, Lease: time.Second},
		Ports:  term.Ports{Clock: r, Log: r, Gate: r, Out: r},
	}
	r.configure(func(*term.Config) {})
	return r
}

// configure begins with another term, of other settings.
func (r *rig) configure(change func(*term.Config)) {
	change(&r.cfg)
	r.term = term.New(r.cfg)
	r.t.Cleanup(r.term.Stop)
}

// leading returns a rig whose term has read the log and leads.
func leading(t *testing.T, log *journal.Memory, change func(*term.Sizes)) *rig {
	t.Helper()
	r := newRig(t, log, change)
	r.bounds()
	r.answerAll()
	if !r.term.Won() {
		t.Fatalf("it is %s and has not won", r.term.Role())
	}
	if err := r.term.Lead(); err != nil {
		t.Fatal(err)
	}
	r.answerAll()
	return r
}

// bounds tells the term where its log begins and ends.
func (r *rig) bounds() {
	r.t.Helper()
	first, last, err := r.log.Bounds(r.t.Context())
	if err == nil {
		err = r.term.Bounds(first, last)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// Monotonic implements [term.Clock].
func (r *rig) Monotonic() time.Duration { return r.now }

// Date implements [term.Clock].
func (r *rig) Wall() time.Time { return beginning.Add(r.now) }

// Set implements [term.Gate].
func (r *rig) Set(p term.Permit) { r.permit = p }

// MayLeave implements [term.Gate].
func (r *rig) MayLeave(epoch ha.Epoch) bool { return r.permit.Allows(epoch, r.now) }

// Send implements [term.Out].
func (r *rig) Send(c *term.Commit) { r.sent = append(r.sent, c) }

// Spare implements [term.Out].
func (r *rig) Spare() *term.Commit { return new(term.Commit) }

// Append implements [term.Log].
func (r *rig) Append(op uint64, a journal.Action) {
	r.appended = a.Entry
	r.pending = append(r.pending, func() term.Answer {
		_, err := r.log.Append(r.t.Context(), a.After, a.Entry)
		return term.Answer{Op: op, Passed: err == nil}
	})
}

// ReadEnd implements [term.Log].
func (r *rig) ReadEnd(op, after uint64) {
	r.pending = append(r.pending, func() term.Answer {
		_, last, err := r.log.Bounds(r.t.Context())
		end := journal.LogEnd{Last: last, Failed: err != nil}
		if next, err := r.log.Get(r.t.Context(), after+1); err == nil {
			end.Next = []journal.Entry{next}
		}
		return term.Answer{Op: op, ReadEnd: true, End: end}
	})
}

// Purge implements [term.Log].
func (r *rig) Purge(before uint64) {
	r.purges++
	if err := r.log.Purge(r.t.Context(), before); err != nil {
		r.t.Error(err)
	}
}

// Poll implements [term.Log].
func (r *rig) Poll() (term.Answer, bool) { return term.Answer{}, false }

// answer answers the question that was asked first, and reports whether there was one.
func (r *rig) answer() bool {
	if len(r.pending) == 0 {
		return false
	}
	ask := r.pending[0]
	r.pending = r.pending[1:]
	r.term.Answered(ask())
	return true
}

// answerAll flushes and answers until nothing is open.
func (r *rig) answerAll() {
	for r.term.Flush(); r.answer(); r.term.Flush() {
	}
}

// hello registers workers.
func (r *rig) hello(n int) {
	for i := range n {
		if r.term.Full() {
			r.answerAll()
		}
		r.term.Handle(term.Request{Input: step.Hello{At: r.Wall(), Weight: 1, Slots: 1, Name: fmt.Sprintf("w%d", i), Instance: fmt.Sprintf("i%d", i)}})
	}
	r.answerAll()
}

// workers returns the ids of all workers.
func (r *rig) workers() (ids []ha.WorkerID) {
	for v := range r.term.Core().Workers(0) {
		ids = append(ids, v.Worker)
	}
	return ids
}

var errRead = errors.New("read")

// replayed returns the state that the log holds at the entry at seq.
func (r *rig) replayed(seq uint64) *core.Core {
	r.t.Helper()
	c := core.New(coreConfig())
	err := r.log.Follow(r.t.Context(), 1, func(e journal.Entry) error {
		if err := term.ApplyEntry(c, e.Data); err != nil {
			return err
		}
		if e.Seq >= seq {
			return errRead
		}
		return nil
	})
	if !errors.Is(err, errRead) {
		r.t.Fatalf("replay to %d: %v", seq, err)
	}
	return c
}

// first returns the sequence of the log's first entry.
func (r *rig) first() uint64 {
	first, _, _ := r.log.Bounds(r.t.Context())
	return first
}

func sameState(t *testing.T, what string, got, want *core.Core) {
	t.Helper()
	if !bytes.Equal(got.Digest(nil), want.Digest(nil)) {
		t.Fatalf("%s: the states differ: %+v and %+v", what, got.Counts(), want.Counts())
	}
}

// replies returns where the replies go that were sent.
func (r *rig) replies() (to []string) {
	for _, c := range r.sent {
		for _, one := range c.Replies {
			to = append(to, one.To)
		}
	}
	return slices.Clip(to)
}
