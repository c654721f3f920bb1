package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// played is a program of three scenarios that note that they were played.
func played() (p *Program, names *[]string) {
	names = new([]string)
	number := 0
	p = &Program{
		Name: "p", Slack: true,
		Flags: func(flags *flag.FlagSet) { flags.IntVar(&number, "number", 1, "") },
		Check: func() error {
			if number < 1 {
				return fmt.Errorf("-number must be 1 or more, got %d", number)
			}
			return nil
		},
	}
	for _, name := range []string{"one", "two", "three"} {
		p.Parts = append(p.Parts, Part{Name: name, About: "about " + name, Run: func(_ context.Context, t *Trial) error {
			*names = append(*names, fmt.Sprint(name, " ", t.Rand.Uint64()))
			t.Result.Equal("number", number, 1)
			t.Result.Below("time", time.Second, t.Within(time.Second))
			if number == 3 && name == "two" {
				return errors.New("no more")
			}
			return nil
		}})
	}
	return p, names
}

func TestProgramPlaysWhatIsChosen(t *testing.T) {
	play := func(args ...string) (names []string, said string, err error) {
		p, played := played()
		var out, progress bytes.Buffer
		err = p.Run(t.Context(), append([]string{"-seed", "7", "-slack", "2"}, args...), &out, &progress)
		return *played, progress.String(), err
	}
	all, said, err := play()
	if err != nil || len(all) != 3 || !strings.Contains(said, "two: about two (seed 7)\n") {
		t.Fatalf("%q, %v:\n%s", all, err, said)
	}
	if some, _, err := play("-scenario", "three,one"); err != nil || !slices.Equal(some, []string{all[0], all[2]}) {
		t.Errorf("one and three are %q, %v; among all they are %q", some, err, all)
	}
	if all[0][len("one"):] == all[1][len("two"):] {
		t.Errorf("two scenarios have the same chances: %q", all)
	}
	if _, _, err := play("-number", "2"); !errors.Is(err, ErrMissed) || !strings.Contains(err.Error(), "seed 7") {
		t.Errorf("a check that does not hold: %v", err)
	}
	if some, _, err := play("-number", "3"); len(some) != 2 || err == nil || !strings.HasPrefix(err.Error(), "two (seed 7): no more") || errors.Is(err, ErrMissed) {
		t.Errorf("a scenario that broke off: %q, %v", some, err)
	}
}

func TestProgramHasADefaultScenario(t *testing.T) {
	p, names := played()
	p.Chosen = "two"
	if _, err := p.Play(t.Context(), nil, new(bytes.Buffer)); err != nil || len(*names) != 1 || !strings.HasPrefix((*names)[0], "two") {
		t.Errorf("%q, %v", *names, err)
	}
}

func TestProgramRefusesBadCommandLines(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-number", "0"}, "-number must be 1 or more, got 0"},
		{[]string{"-slack", "0.5"}, "-slack must be 1 or more, got 0.5"},
		{[]string{"-scenario", "one,four"}, `no scenario "four": there are all, one, two and three`},
		{[]string{"more"}, "nothing may follow the flags"},
		{[]string{"-what"}, "not defined"},
		{[]string{"-h"}, flag.ErrHelp.Error()},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			p, names := played()
			var out, progress bytes.Buffer
			err := p.Run(t.Context(), c.args, &out, &progress)
			if err == nil || !strings.Contains(err.Error(), c.want) || len(*names) > 0 || out.Len() > 0 {
				t.Errorf("%v, played %q, printed %q; want %s", err, *names, out.String(), c.want)
			}
		})
	}
	p, _ := played()
	p.Slack = false
	if _, err := p.Play(t.Context(), []string{"-slack", "2"}, new(bytes.Buffer)); err == nil {
		t.Error("a program without bounds on times takes -slack")
	}
}

// The report is saved and printed also if a scenario broke off.
func TestProgramSavesItsReport(t *testing.T) {
	p, _ := played()
	path := filepath.Join(t.TempDir(), "figures.json")
	var out bytes.Buffer
	if err := p.Run(t.Context(), []string{"-number", "3", "-slack", "2", "-json", path}, &out, new(bytes.Buffer)); err == nil {
		t.Fatal("no error")
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal(body, &report); err != nil || report.OK || report.Slack != 2 || len(report.Scenarios) != 2 {
		t.Errorf("%v, %s", err, body)
	}
	if !strings.Contains(out.String(), "MISSED") {
		t.Errorf("printed:\n%s", &out)
	}
}
