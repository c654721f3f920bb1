package work

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/pause"
)

// Sleeper is the work of the command's own workers: sleeping a random time from
// min to max. The zero value does not sleep.
type Sleeper struct{ min, max time.Duration }

const maxWork = 24 * time.Hour

// Add adds the flags to cmd.
func (s *Sleeper) Add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&s.min, "work-min", time.Second, "the least time that an activation or a task takes")
	cmd.Flags().DurationVar(&s.max, "work-max", 5*time.Second, "the most time that an activation or a task takes")
}

// Check returns a usage error if the times make no sense.
func (s *Sleeper) Check() error {
	if s.min < 0 || s.min > s.max || s.max > maxWork {
		return cli.BadUsage("--work-min and --work-max must be from 0 to %s, the former not above the latter; got %s and %s",
			maxWork, s.min, s.max)
	}
	return nil
}

// Handle is the handler of a worker; it may be called concurrently.
func (s *Sleeper) Handle(ctx context.Context, _ ha.Activation) error { return s.Sleep(ctx) }

// Sleep does the work once; it may be called concurrently.
func (s *Sleeper) Sleep(ctx context.Context) error {
	return pause.Sleep(ctx, s.min+rand.N(s.max-s.min+1)) // #nosec G404 -- how long to sleep is no secret
}
