package worker

import (
	"time"

	"github.com/seed261fe303/ha/internal/pause"
)

// newBackoff returns the pauses before one request is repeated. The first is short
// because a lost message is the common case, and the longest is short enough to find
// a new dispatcher within its first seconds.
func newBackoff() pause.Backoff {
	return pause.Backoff{Least: 50 * time.Millisecond, Most: 2 * time.Second}
}
