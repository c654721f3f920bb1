package dispatcher

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// clock is the time as terms see it. It implements [term.Clock].
type clock struct{ d *Dispatcher }

// Monotonic returns the time since the dispatcher was made. Time in which the machine was
// suspended counts where it is known; see noteSuspension.
func (c clock) Monotonic() time.Duration {
	return time.Since(c.d.began) + time.Duration(c.d.suspended.Load())
}

// Wall returns what the machine's clock shows.
func (clock) Wall() time.Time { return time.Now().UTC() }

// gate lets messages leave. It implements [term.Gate], and may be used concurrently: the loop
// sets it, the outbox asks it.
type gate struct{ d *Dispatcher }

// Set replaces the permit.
func (g gate) Set(p term.Permit) { g.d.permit.Store(&p) }

// MayLeave reports whether a message of that epoch may leave now.
func (g gate) MayLeave(epoch ha.Epoch) bool {
	p := g.d.permit.Load()
	return p != nil && !g.d.guard.shut.Load() && p.Allows(epoch, clock(g).Monotonic())
}

// open reports whether a message of any epoch may leave now.
func (g gate) open() bool {
	p := g.d.permit.Load()
	return p != nil && g.MayLeave(p.Epoch)
}
