// Command upgrade replaces the dispatchers of a group one by one by those of a version
// whose journal has a newer format, back and forth, while tasks are submitted and run,
// and then makes the group write the newer format. It exits with 1 if a check does not
// hold.
//
//	go run ./proof/upgrade
//
// The newer version is this one, built with the tag ha_next_format.
package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// options are what the command line sets.
type options struct {
	every time.Duration
}

func main() { new(options).program().Main() }

func (o *options) program() *harness.Program {
	return &harness.Program{
		Name: "upgrade", Flags: o.flags, Check: o.check, Slack: true,
		Parts: []harness.Part{
			{Name: "rolling", About: "three dispatchers, replaced one by one while tasks run", Run: o.rolling},
		},
	}
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.DurationVar(&o.every, "every", 5*time.Millisecond, "the time between two submissions, 1ms to 1s")
}

func (o *options) check() error {
	if o.every < time.Millisecond || o.every > time.Second {
		return fmt.Errorf("-every must be from 1ms to 1s, got %s", o.every)
	}
	return nil
}
