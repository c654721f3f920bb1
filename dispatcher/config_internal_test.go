package dispatcher

import (
	"errors"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

func TestZeroConfigIsTheDefaults(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Fatal(err)
	}
	got := Config{}.withDefaults()
	want := Config{
		Name: got.Name, Prefix: "ha", Timing: ha.DefaultTiming(), ActivateEvery: 2 * time.Second, ShareWindow: 10_000,
		MaxWorkers: 1_000_000, Journal: JournalAuto, Lease: time.Second,
		Tasks: TaskConfig{
			Timeout: 30 * time.Minute, Aging: 10 * time.Minute, MaxTasks: 2_000_000, MaxBytes: 4 << 30,
			Retain: 24 * time.Hour, RetainFailed: 7 * 24 * time.Hour, RetainTasks: 100_000, RetainBytes: 512 << 20,
		},
	}
	if got.Timing != want.Timing || got.Tasks != want.Tasks {
		t.Errorf("got %+v and %+v", got.Timing, got.Tasks)
	}
	if got.Prefix != want.Prefix || got.ActivateEvery != want.ActivateEvery || got.ShareWindow != want.ShareWindow ||
		got.MaxWorkers != want.MaxWorkers || got.Direct || got.Journal != want.Journal || got.Replicas != 0 || got.Lease != want.Lease {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if other := (Config{}).withDefaults().Name; other == got.Name || !ha.ValidToken(got.Name) {
		t.Errorf("made-up names are %q and %q", got.Name, other)
	}
	if got := (Config{Name: "n", Lease: time.Minute, Tasks: TaskConfig{MaxTasks: 5}}).withDefaults(); got.Name != "n" ||
		got.Lease != time.Minute || got.Tasks.MaxTasks != 5 {
		t.Errorf("what was set is %+v", got)
	}
}

// TestNamedValuesReachTheCore: there zero says it.
func TestNamedValuesReachTheCore(t *testing.T) {
	c := Config{ActivateEvery: ActivateWhenIdle, ShareWindow: ShareAll,
		Tasks: TaskConfig{Retain: RetainNone, RetainFailed: RetainNone, RetainTasks: RetainNone, RetainBytes: RetainNone}}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	got := c.withDefaults().core()
	if got.ActivateEvery != 0 || got.ShareWindow != 0 || got.Retain != 0 || got.RetainFailed != 0 || got.RetainTasks != 0 || got.RetainBytes != 0 {
		t.Errorf("got %+v", got)
	}
	if got.MaxWorkers != DefaultMaxWorkers || got.MaxTaskBytes != DefaultMaxTaskBytes {
		t.Errorf("got %+v", got)
	}
}

func TestOtherNegativeSettingsAreRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"activate every":   {ActivateEvery: -2},
		"share window":     {ShareWindow: -2},
		"max workers":      {MaxWorkers: -1},
		"replicas":         {Replicas: -1},
		"lease":            {Lease: -1},
		"heartbeat":        {Timing: ha.Timing{Heartbeat: -1}},
		"reply timeout":    {Timing: ha.Timing{ReplyTimeout: -1}},
		"misses":           {Timing: ha.Timing{Misses: -1}},
		"evict after":      {Timing: ha.Timing{EvictAfter: -1}},
		"task timeout":     {Tasks: TaskConfig{Timeout: -1}},
		"priority aging":   {Tasks: TaskConfig{Aging: -2}},
		"max tasks":        {Tasks: TaskConfig{MaxTasks: -1}},
		"their bytes":      {Tasks: TaskConfig{MaxBytes: -1}},
		"for failed":       {Tasks: TaskConfig{RetainFailed: -2}},
		"must be kept":     {Tasks: TaskConfig{Retain: -2}},
		"tasks kept":       {Tasks: TaskConfig{RetainTasks: -2}},
		"bytes at least 0": {Tasks: TaskConfig{RetainBytes: -2}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.Validate(); !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}
