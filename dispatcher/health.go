package dispatcher

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// source tells apart what troubles come from: each has one at most at a time.
type source int

// The sources, in the order in which their troubles are told.
const (
	// troubleJournal: the journal cannot be reached, or does not take anything.
	troubleJournal source = iota
	// troubleStore: the journal does not hold what it held, or is where nothing may be acknowledged.
	troubleStore
	// troubleDisk: the server in this process cannot write to its disk, or is cut off from the others.
	troubleDisk
	// troubleRoom: there is no room for new work.
	troubleRoom
	// troubleSettings: the journal's stream has settings that are not safe.
	troubleSettings
	// troubleForeign: others write into the journal.
	troubleForeign
	// troubleLoss: the journal ends before a place at which it is known to have been.
	troubleLoss
	// troubleMark: the mark of the journal cannot be written.
	troubleMark
	// troubleBlind: nobody who would know has said for some seconds where the journal stands.
	troubleBlind
	// troubleTwin: another dispatcher has the same name.
	troubleTwin
	sources
)

// health is what stands between this dispatcher and its work, if anything. It
// may be used concurrently.
type health struct {
	logger zerolog.Logger

	// patience is until when a journal that does not answer is waited for without an error in the log, as
	// that of a cluster that has just begun.
	patience time.Time

	mu       sync.Mutex
	waiting  bool // it is, and that was logged
	troubles [sources]string
	access   error // what the journal answered last
	// changed holds a value when a trouble has begun or ended since it was taken.
	changed chan struct{}
}

// set notes the trouble that comes from the journal, or nil for none, and logs each change once.
func (h *health) set(err error) {
	h.mu.Lock()
	h.access = err
	h.mu.Unlock()
	h.note(troubleJournal, err)
}

// accessError returns what the journal answered last, if it was an error.
func (h *health) accessError() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.access
}

// note notes the trouble of a source, or nil for none, and logs each change once.
func (h *health) note(s source, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.text()
	before := h.troubles[s]
	h.troubles[s] = text
	if (text == "") != (before == "") {
		select {
		case h.changed <- struct{}{}:
		default:
		}
	}
	patient := s == troubleJournal && time.Now().Before(h.patience)
	switch {
	case text != "" && before == "" && patient:
		h.waiting = true
		h.logger.Info().Str("reason", text).Msg("waiting for the journal")
	case text != "" && (before == "" || s == troubleJournal && h.waiting && !patient):
		h.waiting = h.waiting && s != troubleJournal
		h.logger.Error().Str("error", text).Msg("unhealthy")
	case text == "" && s == troubleJournal && h.waiting:
		h.waiting = false
	case was != "" && h.text() == "":
		h.logger.Info().Msg("healthy again")
	}
}

// get returns the troubles in words; empty: there are none.
func (h *health) get() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text()
}

func (h *health) text() string {
	var all []string
	for _, t := range h.troubles {
		if t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, "; ")
}
