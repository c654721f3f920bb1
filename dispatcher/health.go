package dispatcher

import (
	"sync"

	"github.com/rs/zerolog"
)

// health is what stands between this dispatcher and its work, if anything. It
// may be used concurrently.
type health struct {
	logger zerolog.Logger

	mu      sync.Mutex
	trouble string
}

// set notes the trouble, or nil for none, and logs each change once.
func (h *health) set(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case text != "" && h.trouble == "":
		h.logger.Error().Str("error", text).Msg("unhealthy")
	case text == "" && h.trouble != "":
		h.logger.Info().Msg("healthy again")
	}
	h.trouble = text
}

// get returns the trouble in words; empty: none.
func (h *health) get() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trouble
}
