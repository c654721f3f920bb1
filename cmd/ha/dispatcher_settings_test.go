package main

import (
	"testing"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher"
)

// parsedDispatcher returns the settings that a command line makes.
func parsedDispatcher(t *testing.T, args ...string) (dispatcher.Config, error) {
	t.Helper()
	var f dispatcherFlags
	cmd := dispatcherCommand(&cli.App{})
	cmd.ResetFlags()
	f.addTo(cmd)
	if err := cmd.ParseFlags(append([]string{"--name", "d"}, args...)); err != nil {
		t.Fatal(err)
	}
	return f.config(false, f.cfg.Log)
}

// TestZeroOnTheCommandLine: it is 'no limit' or 'none', or refused, and never the
// default, which it is in a Config.
func TestZeroOnTheCommandLine(t *testing.T) {
	cfg, err := parsedDispatcher(t, "--activate-every", "0", "--share-window", "0",
		"--disk-reserve", "0", "--priority-aging", "0", "--retain", "0", "--retain-failed", "0", "--retain-tasks", "0", "--retain-bytes", "0", "--replicas", "0")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.DiskReserve != dispatcher.ReserveNone || cfg.ActivateEvery != dispatcher.ActivateWhenIdle || cfg.ShareWindow != dispatcher.ShareAll {
		t.Errorf("got %+v", cfg)
	}
	if k := cfg.Tasks; k.Aging != dispatcher.StrictPriority || k.Retain != dispatcher.RetainNone || k.RetainFailed != dispatcher.RetainNone ||
		k.RetainTasks != dispatcher.RetainNone || k.RetainBytes != dispatcher.RetainNone {
		t.Errorf("got %+v", k)
	}
	for _, flag := range []string{"heartbeat", "reply-timeout", "misses", "evict-after", "max-workers", "lease", "task-timeout",
		"max-tasks", "max-task-bytes", "journal"} {
		t.Run(flag, func(t *testing.T) {
			value := "0"
			if flag == "journal" {
				value = ""
			}
			if _, err := parsedDispatcher(t, "--"+flag, value); err == nil {
				t.Error("zero is not refused")
			}
		})
	}
}

// TestNegativeOnTheCommandLine: the values that have a name in a Config have none here.
func TestNegativeOnTheCommandLine(t *testing.T) {
	for flag, unit := range map[string]string{"activate-every": "ns", "share-window": "", "retain": "ns", "retain-failed": "ns",
		"retain-tasks": "", "retain-bytes": "", "lease": "ns", "priority-aging": "ns", "max-workers": "", "disk-reserve": ""} {
		for _, n := range []string{"-1", "-2"} {
			if _, err := parsedDispatcher(t, "--"+flag, n+unit); err == nil {
				t.Errorf("--%s %s is not refused", flag, n+unit)
			}
		}
	}
}

func TestDefaultsOfTheCommandLine(t *testing.T) {
	cfg, err := parsedDispatcher(t)
	want := dispatcherDefaults()
	if err != nil || cfg.Timing != want.Timing || cfg.Tasks != want.Tasks || cfg.ActivateEvery != want.ActivateEvery ||
		cfg.ShareWindow != want.ShareWindow || cfg.MaxWorkers != want.MaxWorkers || cfg.Journal != want.Journal ||
		cfg.Lease != want.Lease || cfg.DiskReserve != want.DiskReserve || cfg.Replicas != 0 || cfg.Direct {
		t.Errorf("got %+v, %v", cfg, err)
	}
	if got := workerCommand(&cli.App{}).Flags().Lookup("weight").DefValue; got != "1" {
		t.Errorf("the weight of a worker is %s by default", got)
	}
}
