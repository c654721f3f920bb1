package dispatcher

import (
	"fmt"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

const (
	// floodEntries void entries within floodWithin are a trouble, until none came for floodOver.
	floodEntries = 20
	floodWithin  = 2 * time.Second
	floodOver    = 10 * time.Second
)

// foreign watches the void entries that a term meets in the journal: it logs the first one, and
// tells of a flood of them. It belongs to the loop.
type foreign struct {
	d    *Dispatcher
	seen uint64    // so many were met
	at   time.Time // when the last one was

	began time.Time // of the time in which those since are counted
	since uint64    // as many were met when it began
	flood bool
}

// note takes how many void entries the term has met.
func (f *foreign) note(v journal.VoidCount, now time.Time) {
	if v.Count > f.seen {
		if f.seen == 0 {
			f.d.cfg.Log.Warn().Uint64("entry", v.Seq).Str("reason", v.Why).
				Msg("somebody else writes into the journal: such entries are passed over and counted, see ha status")
		}
		f.seen, f.at = v.Count, now
		f.d.void.Store(v.Count)
	}
	switch {
	case f.seen == 0:
	case f.flood && now.Sub(f.at) >= floodOver:
		f.flood = false
		f.d.health.note(troubleForeign, nil)
	case now.Sub(f.began) >= floodWithin:
		f.began, f.since = now, f.seen
	case !f.flood && f.seen-f.since >= floodEntries:
		f.flood = true
		f.d.health.note(troubleForeign, fmt.Errorf("others write into the journal, %d entries within %s, the last is entry %d (%s):"+
			" find out who publishes on its subject, and take the permission away", f.seen-f.since, floodWithin, v.Seq, v.Why))
	}
}
