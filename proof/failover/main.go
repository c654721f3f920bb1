// Command failover starts real processes, kills, stops and pauses the leader, and
// prints how long it took until the next activation reached a worker under
// another one. It exits with 1 if a bound is missed.
//
//	go run ./proof/failover                     # 30 kills of each kind
//	go run ./proof/failover -scenario node -kills 5
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// options are what the command line sets.
type options struct {
	kills     int // 1 or more; also of orderly stops
	nodeKills int
	pauses    int
	pause     time.Duration
}

func main() { new(options).program().Main() }

func (o *options) program() *harness.Program {
	return &harness.Program{
		Name: "failover", Flags: o.flags, Check: o.check, Slack: true,
		Parts: []harness.Part{
			o.part("kill", "kill -9 of the leading dispatcher, NATS stays up", killDispatcher),
			o.part("stop", "SIGTERM to the leading dispatcher, NATS stays up", stopDispatcher),
			o.part("node", "kill -9 of the node that leads everything, of an embedded cluster of three", killNode),
			o.part("pause", "SIGSTOP of the leading dispatcher, then SIGCONT", pauseDispatcher),
		},
	}
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.IntVar(&o.kills, "kills", 30, "kills, and orderly stops, of the leader")
	flags.IntVar(&o.nodeKills, "node-kills", 0, "kills of the node that leads everything; 0: as many as -kills")
	flags.IntVar(&o.pauses, "pauses", 1, "pauses of the leader")
	flags.DurationVar(&o.pause, "pause", 20*time.Second, "how long a pause lasts; longer than the lease, which is 1s")
}

func (o *options) check() error {
	if o.nodeKills == 0 {
		o.nodeKills = o.kills
	}
	if o.kills < 1 || o.nodeKills < 1 || o.pauses < 1 || o.pause < 3*time.Second {
		return fmt.Errorf("-kills, -node-kills and -pauses must be 1 or more, -pause 3s or more: got %d, %d, %d and %s",
			o.kills, o.nodeKills, o.pauses, o.pause)
	}
	return nil
}

// part is one kind of trouble.
func (o *options) part(name, about string, run func(context.Context, *trial) error) harness.Part {
	return harness.Part{Name: name, About: about, Run: func(ctx context.Context, t *harness.Trial) error {
		return run(ctx, &trial{Trial: t, options: *o})
	}}
}
