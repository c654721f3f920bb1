package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// Every flag of every command must be reachable from the environment and say so.
func TestEveryFlagShowsItsVariable(t *testing.T) {
	a := &cli.App{}
	root := rootCommand(a)
	a.Adopt(root)
	seen := 0
	for _, cmd := range root.Commands() {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			seen++
			want := "[$HA_" + strings.ReplaceAll(strings.ToUpper(f.Name), "-", "_") + "]"
			if f.Name != "help" && f.Name != "version" && strings.Count(f.Usage, want) != 1 {
				t.Errorf("%s --%s: %q lacks one %s", cmd.Name(), f.Name, f.Usage, want)
			}
		})
	}
	if seen < 40 {
		t.Errorf("only %d flags seen", seen)
	}
}
