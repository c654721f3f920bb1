package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
)

// taskTarget makes a command that does something to a kind or to a pool.
func (a *app) taskTarget(s taskSub, done string, do func(context.Context, tasks, client.Target) error) *cobra.Command {
	var f taskFlags
	var t client.Target
	s.args = cobra.NoArgs
	s.check = func([]string) error {
		return errorsFirst(oneOf("--kind or --pool", t.Kind, t.Pool), tokens(map[string]string{"kind": t.Kind, "pool": t.Pool}))
	}
	s.do = func(ctx context.Context, c tasks, _ []string) error {
		if err := do(ctx, c, t); err != nil {
			return err
		}
		what := "the kind " + t.Kind
		if t.Kind == "" {
			what = "the pool " + t.Pool
		}
		_, err := fmt.Fprintf(a.stdout, "%s is %s\n", what, done)
		return err
	}
	cmd := a.taskSub(s, &f)
	cmd.Flags().StringVar(&t.Kind, "kind", "", "the kind")
	cmd.Flags().StringVar(&t.Pool, "pool", "", "the pool")
	return cmd
}
