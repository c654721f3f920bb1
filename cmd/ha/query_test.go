package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

func TestWorkersAndStatusCommands(t *testing.T) {
	t.Parallel()
	f := startFleet(t, append([]string{"--name", "north"}, quick...)...)
	f.startWorker(t, "east-1", 7)
	server := []string{"NATS_URL=" + f.url}

	table := start(t, server, "workers")
	if got := table.status(t, patience); got != cli.ExitOK {
		t.Fatalf("exit status %d: %s", got, table.stderr.String())
	}
	rows := strings.Split(strings.TrimSpace(table.stdout.String()), "\n")
	if len(rows) != 2 || !strings.HasPrefix(rows[0], "ID") || !strings.Contains(rows[1], "east-1") || !strings.Contains(rows[1], "100.00%") {
		t.Errorf("table:\n%s", table.stdout.String())
	}

	asJSON := start(t, []string{"HA_SERVER=" + f.url, "HA_JSON=true"}, "workers")
	var list subjects.Workers
	if got := asJSON.status(t, patience); got != cli.ExitOK {
		t.Fatalf("exit status %d: %s", got, asJSON.stderr.String())
	}
	if err := json.Unmarshal([]byte(asJSON.stdout.String()), &list); err != nil || len(list.Workers) != 1 || list.Workers[0].Weight != 7 {
		t.Errorf("%v: %s", err, asJSON.stdout.String())
	}

	status := start(t, nil, "status", "--server", f.url)
	if got := status.status(t, patience); got != cli.ExitOK {
		t.Fatalf("exit status %d: %s", got, status.stderr.String())
	}
	for _, want := range []string{"north, epoch ", fmt.Sprintf("jetstream, format %d, at position ", dispatcher.NewestFormat), "1 registered, ", "north       leader "} {
		if !strings.Contains(status.stdout.String(), want) {
			t.Errorf("status does not say %q:\n%s", want, status.stdout.String())
		}
	}

	wrong := start(t, server, "status", "--prefix", "nobody")
	if got := wrong.status(t, patience); got != cli.ExitFailed || !strings.Contains(wrong.stderr.String(), "no dispatcher answers") {
		t.Errorf("exit status %d, want %d: %s", got, cli.ExitFailed, wrong.stderr.String())
	}
}

func TestWatchRefreshesUntilItIsStopped(t *testing.T) {
	f := startFleet(t, quick...)
	p := start(t, nil, "workers", "--server", f.url, "--watch", "100ms")
	eventually.Nil(t, patience, func() error { return contains(&p.stdout, "no workers are registered", 2) })
	f.dispatcher.signal(t, syscall.SIGSTOP) // shown, and not the end
	defer f.dispatcher.signal(t, syscall.SIGCONT)
	p.signal(t, syscall.SIGINT)
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d, want %d", got, cli.ExitOK)
	}
}
