package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/bench/internal/queue"
	"github.com/seed261fe303/ha/bench/internal/server"
)

// riverConnections are what a producer of River has. A commit waits for the disk, and
// those that wait at the same time share one write; more connections than this were
// no faster.
const riverConnections = 32

// bench is one run.
type bench struct {
	o        options
	lab      *lab.Lab
	peers    server.Peers
	postgres *server.Postgres
	binary   string // ha
	facts    facts
	results  results
}

// system is one that is measured, in one way of running it.
type system struct {
	// column of the table, and what is added to the names of its rows.
	column, suffix string
	settings       queue.Settings
	// tasks and singles are how many to submit; lanes is how many goroutines do it in bulk.
	tasks, singles, lanes int
	start                 func(ctx context.Context) (*server.Instance, error)
	// synced: it has its tasks on the disk before it acknowledges them.
	synced bool
}

func (s *system) String() string { return s.column + s.suffix }

// newBench prepares everything that the chosen systems need. The caller closes its lab.
func newBench(ctx context.Context, o options) (*bench, error) {
	l, err := lab.New(o.dir)
	if err != nil {
		return nil, err
	}
	b := &bench{o: o, lab: l}
	if err := b.prepare(ctx); err != nil {
		_ = l.Close() // the first error is the one to tell
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) error {
	var err error
	chosen := list(b.o.systems)
	if slices.ContainsFunc(chosen, func(name string) bool { return name != columnHA }) {
		b.say("looking for Redis and PostgreSQL")
		if b.peers, err = server.FindPeers(ctx); err != nil {
			return err
		}
	}
	if slices.Contains(chosen, columnRiver) {
		if b.postgres, err = server.NewPostgres(ctx, b.lab, b.peers); err != nil {
			return err
		}
	}
	if slices.Contains(chosen, columnHA) {
		b.say("building ha")
		if b.binary, err = server.BuildHA(ctx, b.lab); err != nil {
			return err
		}
	}
	b.facts, err = b.gatherFacts(ctx)
	return err
}

// say tells of the progress, on standard error.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// systems are those of the comparison that were chosen, in the order of the columns.
func (b *bench) systems() []*system {
	all := []*system{
		b.ha("", true, 1),
		b.asynq(columnEverysec, "everysec"), b.asynq(columnAlways, "always"),
		{
			column: columnRiver, tasks: b.o.peerTasks, singles: b.o.peerSingles, lanes: b.o.rvLanes, synced: true,
			settings: queue.Settings{System: queue.River, Slots: b.o.rvSlots, Connections: riverConnections},
			start:    func(ctx context.Context) (*server.Instance, error) { return b.postgres.Start(ctx) },
		},
	}
	chosen := list(b.o.systems)
	return slices.DeleteFunc(all, func(s *system) bool { return !slices.Contains(chosen, s.column) })
}

// ha is that many dispatchers, given those arguments besides.
func (b *bench) ha(suffix string, synced bool, dispatchers int, args ...string) *system {
	return &system{
		column: columnHA, suffix: suffix, tasks: b.o.tasks, singles: b.o.singles, lanes: b.o.haLanes, synced: synced,
		settings: queue.Settings{System: queue.HA, Slots: b.o.haSlots},
		start: func(ctx context.Context) (*server.Instance, error) {
			h, err := server.NewHA(ctx, b.lab, b.binary, dispatchers, args...)
			if err != nil {
				return nil, err
			}
			return h.Start(ctx, 0)
		},
	}
}

func (b *bench) asynq(column, fsync string) *system {
	return &system{
		column: column, tasks: b.o.peerTasks, singles: b.o.peerSingles, lanes: b.o.asynqLanes, synced: fsync == "always",
		settings: queue.Settings{System: queue.Asynq, Slots: b.o.asynqSlots, Connections: max(b.o.submitters, b.o.asynqLanes)},
		start: func(ctx context.Context) (*server.Instance, error) {
			return server.StartRedis(ctx, b.lab, b.peers, fsync)
		},
	}
}

// measure goes through everything once a round, so that what disturbs the machine
// for a while falls upon all systems.
func (b *bench) measure(ctx context.Context) error {
	for round := range b.o.rounds {
		b.say("round %d of %d", round+1, b.o.rounds)
		for _, scenario := range []string{"drain", "bulk", "singles", "latency"} {
			if err := b.scenario(ctx, scenario, b.systems()); err != nil {
				return err
			}
		}
		if !slices.Contains(list(b.o.systems), columnHA) {
			continue
		}
		if b.o.runs("singles") {
			apart := b.ha(", a client for each submitter", true, 1)
			apart.settings.Apart = true
			if err := b.do(ctx, "singles", apart); err != nil {
				return err
			}
		}
		if b.o.runs("latency") {
			if err := b.latency(ctx, b.ha(", journal in memory", false, 1, "--journal", "memory")); err != nil {
				return err
			}
		}
		if b.o.runs("memory") {
			if err := b.memory(ctx); err != nil {
				return err
			}
		}
		if b.o.runs("replicas") {
			for _, scenario := range []string{"drain", "bulk", "singles", "latency"} {
				if err := b.do(ctx, scenario, b.ha(", three replicas", true, 3)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *bench) scenario(ctx context.Context, name string, systems []*system) error {
	if !b.o.runs(name) {
		return nil
	}
	for _, s := range systems {
		if err := b.do(ctx, name, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) do(ctx context.Context, scenario string, s *system) error {
	var err error
	switch scenario {
	case "drain":
		err = b.drain(ctx, s)
	case "bulk":
		err = b.bulk(ctx, s)
	case "singles":
		err = b.single(ctx, s)
	case "latency":
		err = b.latency(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", scenario, strings.TrimSpace(s.String()), err)
	}
	return nil
}
