package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

// pretend publishes what dispatchers would say of themselves, until ctx ends.
func pretend(ctx context.Context, t *testing.T, server *embedded.Server, list ...subjects.Dispatcher) {
	t.Helper()
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	names, err := subjects.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			for _, d := range list {
				body, err := json.Marshal(d)
				if err != nil {
					t.Error(err)
				}
				_ = nc.Publish(names.Dispatcher(d.Name), body) // a closed connection ends the test elsewhere
			}
			_ = nc.Publish(names.Dispatcher("noise"), []byte("{")) // must not harm
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
}

func TestStatusWithoutALeaderShowsWhoIsThereAndWhatToDo(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	pretend(t.Context(), t, server,
		subjects.Dispatcher{Name: "d2", Role: "standby", Epoch: 7, Position: 90},
		subjects.Dispatcher{Name: "d1", Role: "deposed", Epoch: 7, Position: 100, Trouble: "the disk is full"})
	for name, c := range map[string]struct {
		args   []string
		stdout []string
		stderr string
	}{
		"table": {nil, []string{"DISPATCHER", "d1          deposed  7      100       0       1-1      now    yes", "d1: the disk is full", "d2          standby  7      90        10      1-1      now    -"},
			"1 of the 2 that are there are in trouble"},
		"json":         {[]string{"--json"}, []string{`"leader": null`, `"name": "d1"`, `"trouble": "the disk is full"`, `"problem": "no dispatcher leads`}, "no dispatcher leads"},
		"nobody":       {[]string{"--prefix", "other"}, nil, "no dispatcher answers"},
		"nobody, json": {[]string{"--prefix", "other", "--json"}, []string{`"dispatchers": []`}, "no dispatcher answers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := call(t, nil, append([]string{"status", "--server", server.URL()}, c.args...)...)
			if status != cli.ExitFailed || !strings.Contains(stderr, c.stderr) || len(c.stdout) == 0 && stdout != "" {
				t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
			}
			for _, want := range c.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is not in\n%s", want, stdout)
				}
			}
		})
	}
}

func TestAdviceDependsOnWhetherAnybodyIsInTrouble(t *testing.T) {
	if got := advice([]subjects.Dispatcher{{Name: "d1"}, {Name: "d2"}}); !strings.Contains(got, "takes over within two leases") {
		t.Error(got)
	}
	if got := advice([]subjects.Dispatcher{{Name: "d1", Trouble: "x"}, {Name: "d2"}}); !strings.Contains(got, "1 of the 2") {
		t.Error(got)
	}
}
