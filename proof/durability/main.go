// Command durability kills dispatchers with -9 at random moments under load, and
// compares what clients were told with what is there afterwards: every
// acknowledged registration, available and bye, and the counts of activations.
// It exits with 1 if anything is missing.
//
//	go run ./proof/durability                          # 100 rounds of each kind
//	go run ./proof/durability -rounds 5 -scenario alone -seed 7
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

type options struct {
	rounds  int
	clients int
}

func main() { new(options).program().Main() }

func (o *options) program() *harness.Program {
	return &harness.Program{
		Name: "durability", Flags: o.flags, Check: o.check,
		Parts: []harness.Part{
			o.part("alone", "kill -9 of the only dispatcher, with the server and its store in it", harness.StartAlone),
			o.part("apart", "kill -9 of the only dispatcher, NATS stays up", harness.Apart(1)),
			o.part("cluster", "kill -9 of any of three dispatchers with servers embedded", harness.Cluster(3)),
		},
	}
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.IntVar(&o.rounds, "rounds", 100, "kills in each scenario")
	flags.IntVar(&o.clients, "clients", 24, "workers at a time")
}

func (o *options) check() error {
	if o.rounds < 1 || o.clients < 1 || o.clients > 500 {
		return fmt.Errorf("-rounds must be 1 or more, -clients from 1 to 500: got %d and %d", o.rounds, o.clients)
	}
	return nil
}

// part is one kind of deployment.
func (o *options) part(name, about string, start harness.Deployment) harness.Part {
	return harness.Part{Name: name, About: about, Run: func(ctx context.Context, t *harness.Trial) error {
		return (&trial{Trial: t, options: *o, start: start}).run(ctx)
	}}
}

// killWindow is the time within which a kill comes after the load has begun.
const killWindow = 700 * time.Millisecond
