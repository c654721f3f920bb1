package main

import (
	"github.com/spf13/cobra"
)

func taskCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "task",
		Short: "Submit tasks, follow them, and decide about them",
		Long: `Submits tasks, shows what becomes of them, and decides about them. Workers that
handle their kinds, such as "ha worker --kind K", run them.`,
		Example: `  id=$(ha task submit --kind sha512 '{"text":"hello"}')
  ha task wait "$id" && ha task get "$id"
  ha task submit --kind sha512 --lines --file payloads.jsonl`,
	}
}
