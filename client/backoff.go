package client

import (
	"time"

	"github.com/seed261fe303/ha/internal/pause"
)

// The pause before a request is repeated begins at backoffBase and doubles up to
// backoffMost. The first is short because 'no responders' comes back within a round
// trip, and the last because a new leader answers a second or two after the old one
// died: what is left of a pause then is added to that.
const (
	backoffBase = 10 * time.Millisecond
	backoffMost = 500 * time.Millisecond
)

// newBackoff returns the pauses before one request is repeated.
func newBackoff() pause.Backoff { return pause.Backoff{Least: backoffBase, Most: backoffMost} }
