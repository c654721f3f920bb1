package dispatcher

import (
	"fmt"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// clusterDecoders are those of the requests about the group of dispatchers itself.
var clusterDecoders = map[string]decoder{
	"cluster-upgrade": decodeUpgrade,
	"cluster-clock":   decodeClock,
}

func decodeUpgrade(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return inboxItem{ask: func(l *loop, _ term.Caller) any { return l.upgrade() }}, subjects.DecodeEmpty(body)
}

func decodeClock(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return inputItem(step.SetClock{At: at, Wall: at}), subjects.DecodeEmpty(body)
}

// upgrade answers a request to write the journal in the newest format.
func (l *loop) upgrade() any {
	from := l.term.Format()
	if from >= NewestFormat {
		return subjects.Upgraded{From: from, To: from}
	}
	now := time.Now()
	if list := l.d.peers.unableToRead(NewestFormat, l.d.cfg.Name, now); len(list) > 0 {
		said := make([]string, 0, len(list))
		for _, p := range list {
			said = append(said, fmt.Sprintf("%s, heard %s ago, reads formats up to %d", p.Name, p.Ago.Round(time.Second), p.Format))
		}
		return ha.Conflict("old_dispatchers", "format %d cannot be read by all dispatchers heard in the last hour: %s; upgrade them first",
			NewestFormat, strings.Join(said, "; "))
	}
	l.term.Upgrade(NewestFormat)
	l.d.cfg.Log.Info().Int("from", from).Int("to", NewestFormat).Msg("the journal is written in a newer format from now on")
	return subjects.Upgraded{From: from, To: NewestFormat}
}

const (
	// clockOff is the difference between the group's date and the machine's clock from which it is
	// logged, and clockRight that at which it is no more.
	clockOff   = time.Second
	clockRight = 500 * time.Millisecond
)

// noteClock logs that the group's date differs from the machine's clock, and that it does no
// longer.
func (l *loop) noteClock() {
	ahead := l.core.ClockDifference()
	switch off := ahead.Abs(); {
	case off > clockOff && !l.clockOff:
		l.clockOff = true
		l.d.cfg.Log.Warn().Dur("ahead_ms", ahead).Msg("the machine's clock differs from the group's date: the date makes up a tenth of the" +
			" time that passes; ha cluster clock --set moves it forward at once")
	case off < clockRight && l.clockOff:
		l.clockOff = false
		l.d.cfg.Log.Info().Msg("the machine's clock and the group's date agree again")
	}
}
