package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/bench/internal/server"
)

// fact is one line of what the numbers depend on.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type facts []fact

func (b *bench) gatherFacts(ctx context.Context) (facts, error) {
	kernel, err := exec.CommandContext(ctx, "uname", "-sr").Output()
	if err != nil {
		return nil, fmt.Errorf("name the kernel: %w", err)
	}
	f := facts{
		{"processor", fmt.Sprintf("%s, %d cores", lab.CPU(), runtime.NumCPU())},
		{"memory", lab.Memory()},
		{"system", strings.TrimSpace(string(kernel)) + ", " + runtime.GOARCH},
		{"file system of the stores", lab.FileSystem(b.lab.Dir)},
		{"Go", runtime.Version()},
	}
	if b.binary != "" {
		f = append(f, fact{"ha", server.HAVersion(ctx, b.binary) + ", nats-server " + moduleOf(b.binary, "github.com/nats-io/nats-server/v2")})
	}
	if b.peers.Redis != "" {
		redis, postgres := b.peers.Versions(ctx)
		f = append(f,
			fact{"asynq", ownModule("github.com/hibiken/asynq") + " on " + redis},
			fact{"River", ownModule("github.com/riverqueue/river") + ", pgx " + ownModule("github.com/jackc/pgx/v5") + " on " + postgres})
	}
	for _, fact := range f {
		fmt.Fprintf(os.Stderr, "%s: %s\n", fact.Name, fact.Value)
	}
	return f, nil
}

func moduleOf(binary, path string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "unknown"
	}
	return version(info, path)
}

func ownModule(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return version(info, path)
}

func version(info *debug.BuildInfo, path string) string {
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
