package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/eventually"
)

// TestAsksTheOtherServersToo: a server that is cut off from the dispatchers is no proof that nobody is there.
func TestAsksTheOtherServersToo(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	alone := freeAddress(t)
	start(t, nil, "server", "--listen", alone, "--store", t.TempDir())
	eventually.Nil(t, patience, func() error {
		nc, err := nats.Connect("nats://" + alone)
		if err == nil {
			nc.Close()
		}
		return err
	})
	for _, command := range []string{"status", "workers"} {
		for range 3 { // the client begins at any of them
			code, out, stderr := call(t, nil, command, "--server", "nats://"+alone+","+f.url, "--timeout", "5s")
			if code != 0 || strings.Contains(stderr, "no dispatcher") {
				t.Errorf("%s: status %d, %s%s", command, code, out, stderr)
			}
		}
	}
	if code, _, stderr := call(t, nil, "status", "--server", "nats://"+alone); code == 0 || !strings.Contains(stderr, "no dispatcher answers") {
		t.Errorf("where nobody is: status %d, %s", code, stderr)
	}
}
