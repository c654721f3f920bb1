package dispatcher

import "time"

// noteSuspension finds out for how long the machine was suspended since the dispatcher was
// made. It is called by the loop after all that happens; what happens just then, when the machine wakes,
// may still be measured without.
func (d *Dispatcher) noteSuspension() {
	boot, ok := sinceBoot()
	if !ok {
		return
	}
	offset := boot - time.Since(d.began)
	if d.bootOffset == 0 {
		d.bootOffset = offset
		return
	}
	// Both clocks are read one after the other, so small differences mean nothing.
	if asleep := offset - d.bootOffset; asleep-time.Duration(d.suspended.Load()) > time.Second {
		d.suspended.Store(int64(asleep))
		d.cfg.Log.Warn().Dur("asleep_ms", asleep).Msg("the machine was suspended")
	}
}
