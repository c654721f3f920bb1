// Command power cuts the power of the machines that keep the journal, at random moments while
// tasks are submitted, starts again from what is on their disks, and looks whether every
// submission that was acknowledged is there. It exits with 1 if one is missing.
//
//	go run ./proof/power                                       # 50 cuts in each scenario
//	go run ./proof/power -cuts 5 -scenario one,three -seed 7
//
// It takes Linux, root, FUSE and loop devices; without them it says "not run", and why, which
// with -required is an error.
//
// # What a cut is
//
// Each machine's store lies on an ext4 file system of its own, on a loop device over a disk that
// this program is: a file of a FUSE file system, of which the kernel keeps no pages, so that
// each write, each read and each flush of the block device arrives here. (A target of
// device-mapper that drops writes would do less: what it let through stays, flushed or
// not.) Such a disk has a cache that forgets. A write is in the cache when it is answered; a
// flush takes a moment, and what was answered before it stays once it is answered too.
//
// At the cut, which for all of the machines concerned is one instant, the disks stop
// answering. Then their processes are killed, which is what ends those that wait for a disk:
// whatever was acknowledged was acknowledged while there was power, or needed no disk. The
// file system is unmounted, which writes nothing any more. What the page cache had not written
// back is lost. What was in the disk's cache is lost wholly, or not at all, or sector by sector
// by chance, which leaves writes torn and in any order. With power again the file system
// is mounted, recovers by its own journal as at a boot, and the dispatchers are started. One
// in four starts is cut as well.
//
// # What it is not
//
// Disks here write a physical sector of 4096 bytes whole or not at all, keep what they flushed, and do not
// lie about flushes. The machines' processes run on one kernel, which lives on: what was not
// synced is lost because the file system was cut off from its disk, not because memory was.
// Only the disks know nothing of each other: networks, clocks and the program that submits have power throughout.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// cutWindow is the time within which a cut comes after the load has begun.
	cutWindow = 900 * time.Millisecond
	// startWindow is the time within which a cut comes after a start, if it comes then.
	startWindow = 600 * time.Millisecond
	// flushTakes is about what a flush takes a disk of today.
	flushTakes = time.Millisecond
)

// options are what the command line sets.
type options struct {
	cuts     int
	required bool
}

func main() {
	if status, word := other(os.Args); word {
		os.Exit(status)
	}
	new(options).program().Main()
}

// other reports whether this program was started to be something else, and has been it.
func other(args []string) (status int, word bool) {
	if len(args) != 3 || args[1] != tidyWord {
		return 0, false
	}
	return tidyMain(args[2], os.Stderr), true
}

func (o *options) program() *harness.Program {
	return &harness.Program{
		Name: "power", Flags: o.flags, Check: o.check,
		Parts: []harness.Part{
			o.part("one", "power cuts of the only machine", all(1)),
			o.part("three", "power cuts of all three machines of a cluster at once", all(3)),
			o.part("third", "power cuts of any one of three machines", (*trial).third),
			o.part("unsynced", "power cuts of a NATS server that acknowledges before it syncs: work must be lost", (*trial).unsynced),
		},
	}
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.IntVar(&o.cuts, "cuts", 50, "power cuts in each scenario")
	flags.BoolVar(&o.required, "required", false, "fail where no power can be cut, for want of root or of loop devices")
}

func (o *options) check() error {
	if o.cuts < 1 {
		return fmt.Errorf("-cuts must be 1 or more, got %d", o.cuts)
	}
	return nil
}

// part is one scenario.
func (o *options) part(name, about string, play func(*trial, context.Context) error) harness.Part {
	return harness.Part{Name: name, About: about, Run: func(ctx context.Context, under *harness.Trial) error {
		if err := missing(ctx); err != nil {
			if o.required || ctx.Err() != nil {
				return fmt.Errorf("no power can be cut here: %w", err)
			}
			under.Result.Note("not run: %v", err)
			return nil
		}
		t := &trial{Trial: under, options: *o}
		return errors.Join(play(t, ctx), t.tearDown())
	}}
}
