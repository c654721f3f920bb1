package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestBindEnvironment(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	every := flags.Duration("activate-every", time.Second, "")
	name := flags.String("name", "default", "")
	slots := flags.Int("slots", 1, "")
	pools := flags.StringSlice("pool", []string{"old"}, "")
	if err := flags.Parse([]string{"--name", "given"}); err != nil {
		t.Fatal(err)
	}
	err := bindEnvironment(flags, only(map[string]string{
		"HA_ACTIVATE_EVERY": "5ms", "HA_NAME": "from-env", "HA_SLOTS": "", "HA_POOL": "a,b", "NAME": "x",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if *every != 5*time.Millisecond || *name != "given" || *slots != 1 || !slices.Equal(*pools, []string{"a", "b"}) {
		t.Errorf("activate-every %s, name %s, slots %d, pools %v", *every, *name, *slots, *pools)
	}
	for flag, want := range map[string]bool{"activate-every": true, "name": true, "slots": false, "pool": true} {
		if got := flags.Lookup(flag).Changed; got != want {
			t.Errorf("%s counts as changed: %v, want %v", flag, got, want)
		}
	}
}

// Every flag of every command must be reachable from the environment and say so.
func TestEveryFlagShowsItsVariable(t *testing.T) {
	a := &app{env: noEnvironment}
	seen := 0
	for _, cmd := range a.rootCommand().Commands() {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			seen++
			want := "[$HA_" + strings.ReplaceAll(strings.ToUpper(f.Name), "-", "_") + "]"
			if bound(f) && strings.Count(f.Usage, want) != 1 {
				t.Errorf("%s --%s: %q lacks one %s", cmd.Name(), f.Name, f.Usage, want)
			}
		})
	}
	if seen < 40 {
		t.Errorf("only %d flags seen", seen)
	}
}

func TestTokenFrom(t *testing.T) {
	for _, c := range []struct{ host, suffix, want string }{
		{"db1.example.org", "4222", "db1-4222"},
		{"Jürgens Mac", "7", "J-rgens-Mac-7"},
		{"", "7", "ha-7"},
		{".local", "7", "ha-7"},
		{strings.Repeat("a", 100), "12345", strings.Repeat("a", 58) + "-12345"},
	} {
		if got := tokenFrom(c.host, c.suffix); got != c.want {
			t.Errorf("tokenFrom(%q, %q) = %q, want %q", c.host, c.suffix, got, c.want)
		}
	}
}
