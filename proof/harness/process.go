package harness

import (
	"context"
	"time"

	"github.com/seed261fe303/ha/internal/process"
)

// Process is one run of the command.
type Process = process.Process

// ErrEnded says that a process ended that was to run. [Await] waits no longer then.
var ErrEnded = process.ErrEnded

// Await polls until condition returns nil, as [process.Await] does.
func Await(ctx context.Context, what string, within time.Duration, condition func() error) error {
	return process.Await(ctx, what, within, func(context.Context) error { return condition() })
}
