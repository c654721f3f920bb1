package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// ErrMissed says that a program came to its end, and found a check that does not hold.
var ErrMissed = errors.New("a check does not hold")

// Program is a command of the proof. It plays scenarios with real processes and
// reports what it found. It must not be used concurrently.
type Program struct {
	// Name is the command's.
	Name string
	// Flags adds the command's own flags. Every command has -seed, -json and -keep.
	Flags func(*flag.FlagSet)
	// Check says what is wrong with the values of its own flags, or nil.
	Check func() error
	// Slack gives it the flag -slack, for scenarios with bounds on times.
	Slack bool
	// Parts are its scenarios, in the order in which they are played. If there are
	// several, the flag -scenario chooses; Chosen is its default, "all" or some names
	// with commas.
	Parts  []Part
	Chosen string

	seed  uint64
	json  string
	keep  bool
	slack float64
}

// Part is one scenario of a [Program].
type Part struct {
	Name, About string
	// Run plays it and adds what it finds to the trial's result. An error says that
	// it did not come to its end.
	Run func(ctx context.Context, t *Trial) error
}

// Main is the main function of the command. It ends the context of what it plays on an
// interrupt or SIGTERM, and exits with status 1 if the program fails or misses a check.
// A call for help does neither.
func (p *Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

// Run plays what args, the command line, asks for, prints the report to out, and
// saves it to the file that -json names. The error says why not all was played, or
// matches [ErrMissed] if a check does not hold.
func (p *Program) Run(ctx context.Context, args []string, out, progress io.Writer) error {
	report, err := p.Play(ctx, args, progress)
	if report == nil {
		return err
	}
	if err := errors.Join(err, report.Write(out), report.Save(p.json)); err != nil {
		return err
	}
	if !report.OK {
		return fmt.Errorf("seed %d: %w", report.Seed, ErrMissed)
	}
	return nil
}

// Play is Run without the printing. If args are not understood, there is no report,
// and progress is told how to use them; if a part did not come to its end, the report
// ends with that one.
func (p *Program) Play(ctx context.Context, args []string, progress io.Writer) (*Report, error) {
	chosen, err := p.parse(args, progress)
	if err != nil {
		return nil, err
	}
	report := NewReport(p.seed, p.slack)
	for i, part := range p.Parts {
		if !slices.Contains(chosen, part.Name) {
			continue
		}
		t := &Trial{
			Seed: p.seed, Rand: rand.New(rand.NewPCG(p.seed, uint64(i))), Result: &Scenario{Name: part.Name, About: part.About},
			keep: p.keep, slack: p.slack, progress: progress,
		}
		report.Scenarios = append(report.Scenarios, t.Result)
		t.Say("%s (seed %d)", part.About, p.seed)
		if err = part.Run(ctx, t); err != nil {
			err = fmt.Errorf("%s (seed %d): %w", part.Name, p.seed, err)
			break
		}
	}
	report.Finish(err == nil)
	return report, err
}

// parse reads args and returns the names of the parts to play.
func (p *Program) parse(args []string, usage io.Writer) (chosen []string, err error) {
	names := make([]string, 0, len(p.Parts))
	for _, part := range p.Parts {
		names = append(names, part.Name)
	}
	p.slack = 1
	scenario := "all"
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(usage)
	if len(names) > 1 {
		if p.Chosen != "" {
			scenario = p.Chosen
		}
		flags.StringVar(&scenario, "scenario", scenario, "all, or some of "+strings.Join(names, ",")+" with commas")
	}
	flags.Uint64Var(&p.seed, "seed", rand.Uint64(), "decides all that is left to chance, such as when kills come")
	flags.StringVar(&p.json, "json", "", "file to write the figures to as JSON")
	flags.BoolVar(&p.keep, "keep", false, "keep logs and stores, and say where")
	if p.Slack {
		flags.Float64Var(&p.slack, "slack", 1, "multiplies the bounds on times, 1 or more: for a machine that is busy with other things")
	}
	p.Flags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("nothing may follow the flags, got %q", flags.Args())
	}
	if p.slack < 1 {
		return nil, fmt.Errorf("-slack must be 1 or more, got %g", p.slack)
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return choose(scenario, names)
}

// choose returns which of the names are meant.
func choose(wanted string, names []string) ([]string, error) {
	if wanted == "all" {
		return names, nil
	}
	chosen := strings.Split(wanted, ",")
	for _, name := range chosen {
		if last := len(names) - 1; !slices.Contains(names, name) {
			return nil, fmt.Errorf("no scenario %q: there are all, %s and %s", name, strings.Join(names[:last], ", "), names[last])
		}
	}
	return chosen, nil
}
