package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

func clusterClock(a *cli.App) *cobra.Command {
	var f clusterFlags
	var set bool
	cmd := &cobra.Command{
		Use:   "clock",
		Short: "Show how the group's date differs from the leader's clock, and set it",
		Long: `The group of dispatchers has a date of its own, which never goes back: it goes on
by the leader's monotonic clock, whatever is done to the clock of a machine. A
difference is made up at no more than a tenth of the time that passes. With --set
the date jumps forward to the clock of the leader's machine at once. Nothing is
thrown away because of its age within the hour after that.`,
		Example: `  ha cluster clock
  ha cluster clock --set`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return clock(cmd.Context(), a, &f, set) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&set, "set", false, "move the date forward to the clock of the leader's machine at once")
	return cmd
}

// difference is what "ha cluster clock --json" prints.
type difference struct {
	ClockDifferenceMS int64 `json:"clock_difference_ms"`
}

func clock(ctx context.Context, a *cli.App, f *clusterFlags, set bool) error {
	if set {
		subject := func(n subjects.Names) string { return n.Cluster(subjects.ClusterClock) }
		if err := f.ask(ctx, a, "clock", subject, &subjects.OK{}); err != nil {
			return err
		}
	}
	var status subjects.Status
	if err := f.ask(ctx, a, "clock", subjects.Names.Status, &status); err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.Stdout).Encode(difference{status.ClockDifferenceMS})
	}
	_, err := fmt.Fprintf(a.Stdout, "the clock of the leader's machine %s\n", clockText(status.ClockDifferenceMS))
	return err
}

// clockText says how far a clock is ahead of the group's date.
func clockText(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d >= time.Second:
		return fmt.Sprintf("is %s ahead of the group's date", d)
	case d <= -time.Second:
		return fmt.Sprintf("is %s behind the group's date", -d)
	}
	return "agrees with the group's date"
}
