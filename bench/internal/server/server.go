// Package server starts what the systems need: Redis, PostgreSQL, and dispatchers
// of ha. Each is an instance of our own on free ports of the loopback address, with
// its files in the lab.
package server

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed261fe303/ha/bench/internal/lab"
)

const (
	// readyWithin bounds the wait until a server answers.
	readyWithin = time.Minute
	// stopWithin bounds how long a server takes to end in order.
	stopWithin = 30 * time.Second
)

// Instance is a server that runs, or several that are one.
type Instance struct {
	// URL is where clients connect.
	URL string
	// Processes are the servers.
	Processes []*lab.Process
}

// Stop ends it in order.
func (i *Instance) Stop() error {
	problems := make([]error, 0, len(i.Processes))
	for _, p := range i.Processes {
		problems = append(problems, p.Stop(stopWithin))
	}
	return errors.Join(problems...)
}

// Peers says where the programs of Debian's packages are.
type Peers struct {
	Redis    string // the program
	Postgres string // the directory of PostgreSQL's programs
}

// FindPeers installs the packages where they are missing. It is to be called from
// the folder of this module.
func FindPeers(ctx context.Context) (Peers, error) {
	cmd := exec.CommandContext(ctx, "bash", "peers.sh")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return Peers{}, fmt.Errorf("install Redis and PostgreSQL: %w\n%s", err, said.String())
	}
	var p Peers
	for line := range strings.Lines(string(out)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "redis-server":
			p.Redis = value
		case "postgres":
			p.Postgres = value
		}
	}
	if p.Redis == "" || p.Postgres == "" {
		return p, fmt.Errorf("install Redis and PostgreSQL: peers.sh found %+v", p)
	}
	return p, nil
}

// Versions asks the servers.
func (p Peers) Versions(ctx context.Context) (redis, postgres string) {
	return firstLine(ctx, p.Redis, "--version"), firstLine(ctx, filepath.Join(p.Postgres, "postgres"), "--version")
}

func firstLine(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).Output() // #nosec G204 -- found by FindPeers, or built by us
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
