package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

func clusterUpgrade(a *cli.App) *cobra.Command {
	var f clusterFlags
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Write the journal in the newest format, once all dispatchers can read it",
		Long: `Makes the leader write the journal in the newest format that it knows. Until then
a new version of ha writes the format that the group has, so that dispatchers of
the version before can go on and the step back is possible. Afterwards it is not:
a dispatcher that cannot read the new format stops, and says so.

It is refused while any dispatcher that the leader has heard in the last hour
cannot read the format. If there is nothing to do, it says so.`,
		Example: `  ha status              # FORMATS shows what each dispatcher can read
  ha cluster upgrade`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return upgrade(cmd.Context(), a, &f) },
	}
	f.add(cmd)
	return cmd
}

func upgrade(ctx context.Context, a *cli.App, f *clusterFlags) error {
	var reply subjects.Upgraded
	err := f.ask(ctx, a, "upgrade", func(n subjects.Names) string { return n.Cluster(subjects.ClusterUpgrade) }, &reply)
	switch {
	case err != nil:
		return err
	case f.json:
		return json.NewEncoder(a.Stdout).Encode(reply)
	case reply.From == reply.To:
		_, err = fmt.Fprintf(a.Stdout, "the journal has format %d already, the newest that the leader knows\n", reply.To)
	default:
		_, err = fmt.Fprintf(a.Stdout, "the journal is written in format %d from now on, before it was %d\n", reply.To, reply.From)
	}
	return err
}
