package tasks

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// NewTargetCommand makes a command that does something to a kind or to a pool.
func NewTargetCommand(a *cli.App, s Command, done string, do func(context.Context, Client, client.Target) error) *cobra.Command {
	var f Flags
	var t client.Target
	s.Args = cli.NoArgs
	s.Check = func([]string) error {
		return cli.FirstError(cli.CheckOneOf("--kind or --pool", t.Kind, t.Pool), cli.CheckTokens(map[string]string{"kind": t.Kind, "pool": t.Pool}))
	}
	s.Do = func(ctx context.Context, c Client, _ []string) error {
		if err := do(ctx, c, t); err != nil {
			return err
		}
		what := "the kind " + t.Kind
		if t.Kind == "" {
			what = "the pool " + t.Pool
		}
		_, err := fmt.Fprintf(a.Stdout, "%s is %s\n", what, done)
		return err
	}
	cmd := NewCommand(a, s, &f)
	cmd.Flags().StringVar(&t.Kind, "kind", "", "the kind")
	cmd.Flags().StringVar(&t.Pool, "pool", "", "the pool")
	return cmd
}
