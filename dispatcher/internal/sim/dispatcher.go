package sim

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// stopTimeout is how long an orderly stop may take on the dispatcher's clock.
const stopTimeout = 5 * time.Second

// dispatcher is a dispatcher's process. It goes through terms: in each it follows the
// log with a new state, and once it wins leads with it, until it is deposed.
type dispatcher struct {
	node
	lease time.Duration
	cfg   core.Config
	sizes term.Sizes
	// follows is the replica of the log whose entries it is sent, asks the one that answers its
	// questions.
	follows, asks replica

	term    *driver
	outbox  *outbox       // lives as long as the process
	leaving bool          // it was told to stop
	wall    time.Duration // how far its wall clock was set ahead
	// mark is its own, heard the highest that others told of.
	mark       markFile
	heard      mark.Position
	acceptLoss bool // it was started with leave to go on without what is missing
	acceptOld  bool // and the journal had the first format then
	// reads is the newest format that its program reads, installs the one that the next process will; 0: the
	// same. heardAt holds who was heard, by name.
	reads, installs int
	short           bool // it has noticed that room is short
	heardAt         map[string]heard
	// permit says which messages may leave. The term sets it, the outbox obeys it.
	permit term.Permit
}

// start begins a process, unless there is one.
func (d *dispatcher) start() {
	if d.up {
		return
	}
	d.begin()
	d.say("%s starts", d.name)
	d.leaving = false
	d.outbox, d.heard, d.heardAt = newOutbox(d), mark.Position{}, map[string]heard{}
	d.short = d.w.short
	if d.installs > 0 {
		d.reads, d.installs = d.installs, 0
	}
	d.keepPresent(true)
	d.inProcess(d.w.randomTime(100*time.Millisecond), d.newTerm) // it opens the log
}

// kill ends the process, as kill -9 does: what is not committed is gone.
func (d *dispatcher) kill() {
	d.say("%s ends", d.name)
	d.dropTerm()
	d.end()
	d.acceptLoss, d.acceptOld = false, false
}

// dropTerm lets go of the term, if there is one.
func (d *dispatcher) dropTerm() {
	if d.term != nil {
		d.term.Stop()
		d.term = nil
	}
}

// newTerm drops the state and begins to build it anew. The timers of the term
// before, and the answers that are still on their way to it, are void.
func (d *dispatcher) newTerm() {
	d.dropTerm()
	d.begin()
	d.term = newDriver(d)
	d.term.readEnd()
}

// newTermIn begins a new term, a little later.
func (d *dispatcher) newTermIn(pause time.Duration) {
	d.dropTerm()
	d.begin()
	if d.leaving {
		d.kill()
		return
	}
	d.after(pause, d.newTerm)
}

// leave makes it stop in order: a leader answers what it has taken on, and hands over.
func (d *dispatcher) leave() {
	if !d.up || d.leaving {
		return
	}
	d.say("%s stops in order", d.name)
	d.leaving = true
	if !d.subscribed() {
		d.kill()
		return
	}
	d.term.subscribed = false
	d.term.Finish()
	d.inProcess(stopTimeout, d.kill)
	d.term.proceed()
}

// subscribed reports whether requests reach it: only a leader's do.
func (d *dispatcher) subscribed() bool { return d.up && d.term != nil && d.term.subscribed }

// leads reports whether the dispatcher leads and its messages may leave.
func (d *dispatcher) leads() bool {
	return d.up && d.term != nil && d.term.Won() && d.permit.Allows(d.term.Epoch(), d.monotonic())
}

// monotonic returns what the clock shows that is never set.
func (d *dispatcher) monotonic() time.Duration { return d.clock.at(d.w.now) }

func (d *dispatcher) receive(from receiver, message any) {
	if p, ok := message.(presence); ok {
		d.hear(p)
		return
	}
	r, ok := message.(request)
	if !ok || !d.subscribed() {
		return
	}
	d.term.inbox = append(d.term.inbox, incoming{from: from, request: d.mutated(r)})
	d.term.proceed()
}

// incoming is a request that waits for the term to take it.
type incoming struct {
	from receiver // nil: nobody is to be answered
	request
	short bool       // the term knew that room is short when it took the request
	room  *step.Room // what it says of that
}

// mutated is a request as the dispatcher takes it.
func (d *dispatcher) mutated(r request) request {
	if r.input != nil {
		r.input = d.mutatedInput(r.input)
	}
	if r.list != nil {
		list := make([]step.Input, len(r.list))
		for i, in := range r.list {
			list[i] = d.mutatedInput(in)
		}
		r.list = list
	}
	return r
}

func (d *dispatcher) say(format string, args ...any) {
	if d.w.tracing {
		d.w.say(format, args...)
	}
}
