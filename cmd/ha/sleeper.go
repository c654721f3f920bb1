package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
)

// sleeper is the work of the command's own workers: sleeping a random time from
// min to max. The zero value does not sleep.
type sleeper struct{ min, max time.Duration }

const maxWork = 24 * time.Hour

func (s *sleeper) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&s.min, "work-min", time.Second, "the least time that an activation or a task takes")
	cmd.Flags().DurationVar(&s.max, "work-max", 5*time.Second, "the most time that an activation or a task takes")
}

// check returns a usage error where the times make no sense.
func (s *sleeper) check() error {
	if s.min < 0 || s.min > s.max || s.max > maxWork {
		return badUsage("--work-min and --work-max must be from 0 to %s, the former not above the latter; got %s and %s",
			maxWork, s.min, s.max)
	}
	return nil
}

// handle is the handler of a worker; it may be called concurrently.
func (s *sleeper) handle(ctx context.Context, _ ha.Activation) error { return s.sleep(ctx) }

// sleep does the work once; it may be called concurrently.
func (s *sleeper) sleep(ctx context.Context) error {
	return pause.Sleep(ctx, s.min+rand.N(s.max-s.min+1)) // #nosec G404 -- how long to sleep is no secret
}
