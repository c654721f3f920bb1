// Command soak runs three dispatchers, each with a server of one cluster in it,
// and six workers, all processes of their own. It kills a dispatcher, starts it
// again, kills another, and so on for as long as it is told, while the workers
// work. It exits with 1 if activations stopped for too long, a worker process ended, or
// the shares are not those of the weights in the end.
//
//	go run ./proof/soak -for 5m
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

func main() { program().Main() }

func program() *harness.Program {
	var length time.Duration
	return &harness.Program{
		Name: "soak", Slack: true,
		Flags: func(flags *flag.FlagSet) {
			flags.DurationVar(&length, "for", 5*time.Minute, "how long to go on killing, 5s or more")
		},
		Check: func() error {
			if length < 5*time.Second {
				return fmt.Errorf("-for must be 5s or more: got %s", length)
			}
			return nil
		},
		Parts: []harness.Part{{
			Name: "soak", About: "one dispatcher after another killed and started again",
			Run: func(ctx context.Context, t *harness.Trial) error { return (&soak{Trial: t, length: length}).run(ctx) },
		}},
	}
}
