package main

import (
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/dispatcher"
)

// addJournalSettings adds the flags that say where a dispatcher keeps its
// journal, and how long it leads without writing to it. Their values are
// checked with all others by [dispatcher.Config.Validate].
func addJournalSettings(flags *pflag.FlagSet, cfg *dispatcher.Config) {
	flags.StringVar(&cfg.Journal, "journal", cfg.Journal, "where decisions are kept: auto (in JetStream where the server has it), jetstream or memory")
	flags.IntVar(&cfg.Replicas, "replicas", cfg.Replicas, "servers that keep the journal, 1, 3 or 5; 0: three where the cluster has them, else one")
	flags.DurationVar(&cfg.Lease, "lease", cfg.Lease, "how long a leader leads without a word to the journal; a standby takes over after 1.1 to 1.35 of it")
}
