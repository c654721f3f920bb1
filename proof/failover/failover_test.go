package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// One kill and one orderly stop of real processes, with bounds for a machine that
// runs other tests meanwhile.
func TestOneKillAndOneStop(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "figures.json")
	var out, progress bytes.Buffer
	args := []string{"-scenario", "kill,stop", "-kills", "1", "-slack", "10", "-json", path}
	err := new(options).program().Run(t.Context(), args, &out, &progress)
	t.Logf("%s\n%s", &progress, &out)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		OK        bool
		Scenarios []struct {
			Name  string
			Times []float64 `json:"times_ms"`
		}
	}
	if err := json.Unmarshal(body, &report); err != nil {
		t.Fatal(err)
	}
	if !report.OK || len(report.Scenarios) != 2 || len(report.Scenarios[0].Times) != 1 || len(report.Scenarios[1].Times) != 1 {
		t.Errorf("figures: %s", body)
	}
	// A standby waits for more than the lease of one second; a stop spares it that.
	if kill := report.Scenarios[0].Times[0]; kill < 600 {
		t.Errorf("a leader followed %g ms after a kill, before its lease can have run out", kill)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-kills", "0"}, {"-node-kills", "-1"}, {"-pause", "1s"}, {"-pauses", "0"}, {"-slack", "0.5"}, {"-scenario", "kil"}, {"more"},
	} {
		var out, progress bytes.Buffer
		err := new(options).program().Run(t.Context(), args, &out, &progress)
		if err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}
