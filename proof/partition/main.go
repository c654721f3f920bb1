// Command partition starts three dispatchers, each with a server of one cluster in it, on three
// hosts of a network, and workers and clients on a fourth, cuts links between the hosts, heals them,
// and looks what became of the workers, the tasks and the group. It exits with 1 if something
// was lost.
//
//	go run ./proof/partition                                    # ten cuts of each sort; an hour
//	go run ./proof/partition -scenario two-way -cuts 2 -seed 7
//	go run ./proof/partition -ha ./ha-before -stranger=false    # the same of another version
//
// Each host is a network namespace. It takes Linux, root and the command ip; without them it fails,
// or, with -optional, says "not run" and why.
//
// # What a cut is
//
// A host sends to another as ever, and nothing arrives: no error, no reset, no packet. That is what a
// broken switch or a wrong rule of a firewall does, and only by waiting can it be told from a slow
// host. Connections that were there stay until somebody gives them up. Workers and clients
// reach all servers throughout, but for the scenario "host".
//
// Cuts are by turns of the dispatcher that leads, and of another one.
//
// # What must hold
//
// Nothing that was acknowledged is lost, no task ends twice in the journal, and all dispatchers
// agree after the heal. Activations go on without a pause when a host comes back. No worker ends: it can
// reach the majority on another server at least. Only if all three are apart ("each") there is none, and
// workers may end.
//
// Meanwhile a stranger sends workers orders of an epoch that never was, and dispatchers reports of
// work that nobody gave, and answers before they do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// options are what the command line sets.
type options struct {
	cuts     int
	hold     time.Duration
	watch    time.Duration
	binary   string // absolute; empty: the one that is built
	stranger bool
	optional bool
}

func main() {
	if status, word := other(os.Args); word {
		os.Exit(status)
	}
	new(options).program().Main()
}

func (o *options) program() *harness.Program {
	p := &harness.Program{Name: "partition", Flags: o.flags, Check: o.check, Slack: true}
	for _, s := range sorts {
		p.Parts = append(p.Parts, o.part(s))
	}
	return p
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.IntVar(&o.cuts, "cuts", 10, "cuts in each scenario")
	flags.DurationVar(&o.hold, "hold", 40*time.Second, "how long a cut lasts, 1s to 10m. A worker gives up after 27s without an answer")
	flags.DurationVar(&o.watch, "watch", 15*time.Second, "how long pauses are looked for after a heal, 1s or more. A new leader of a stream takes up to 10s")
	flags.StringVar(&o.binary, "ha", "", "`binary` of the command, such as one of another version; none: it is built")
	flags.BoolVar(&o.stranger, "stranger", true, "let a stranger forge orders and reports")
	flags.BoolVar(&o.optional, "optional", false, "say so, and do not fail, where there can be no network namespaces")
}

func (o *options) check() error {
	if o.cuts < 1 || o.hold < time.Second || o.hold > 10*time.Minute || o.watch < time.Second {
		return fmt.Errorf("-cuts must be 1 or more, -hold from 1s to 10m, -watch 1s or more: got %d, %s and %s", o.cuts, o.hold, o.watch)
	}
	if o.binary == "" {
		return nil
	}
	path, err := filepath.Abs(o.binary)
	if err == nil {
		_, err = os.Stat(path)
	}
	o.binary = path
	return err
}

// part is the scenario of one sort of cuts.
func (o *options) part(s sort) harness.Part {
	return harness.Part{Name: s.name, About: s.about, Run: func(ctx context.Context, under *harness.Trial) error {
		if err := supported(); err != nil {
			if !o.optional {
				return fmt.Errorf("there can be no network of hosts here: %w", err)
			}
			under.Say("NOT RUN: there can be no network of hosts here: %v", err)
			under.Result.Note("not run: %v", err)
			return nil
		}
		t := &trial{Trial: under, options: *o, sort: s}
		return errors.Join(t.play(ctx), t.tearDown())
	}}
}
