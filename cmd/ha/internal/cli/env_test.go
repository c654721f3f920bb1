package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// variables is an environment of these alone.
func variables(vars map[string]string) Environment { return vars }

func TestBindEnvironment(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	every := flags.Duration("activate-every", time.Second, "")
	name := flags.String("name", "default", "")
	slots := flags.Int("slots", 1, "")
	pools := flags.StringSlice("pool", []string{"old"}, "")
	if err := flags.Parse([]string{"--name", "given"}); err != nil {
		t.Fatal(err)
	}
	err := bindEnvironment(flags, variables(map[string]string{
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
