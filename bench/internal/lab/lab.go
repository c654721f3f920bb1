// Package lab runs the processes of one comparison: it starts them, knows each by
// its process id, and ends every one of them and nothing else. It works on Linux
// only, as does all of this module.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/seed261fe303/ha/internal/process"
)

// killWithin bounds the wait for the end of a process that was killed.
const killWithin = 10 * time.Second

// Lab owns a directory and the processes that were started in it. Its methods may
// be used concurrently, but for Close.
type Lab struct {
	// Dir holds what the processes store, and their logs. Close removes it.
	Dir string

	starter *process.Starter

	mu        sync.Mutex
	processes []*Process
	counts    map[string]int // directories made, by name
}

// New makes a lab in a new directory below parent; where that is empty, below the
// system's directory for temporary files. The caller closes it.
func New(parent string) (*Lab, error) {
	dir, err := os.MkdirTemp(parent, "ha-compare-")
	if err != nil {
		return nil, fmt.Errorf("new lab: %w", err)
	}
	// PostgreSQL refuses to run as root, and must reach its directory as another user.
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- see above; nothing in it is secret
		return nil, errors.Join(fmt.Errorf("new lab: %w", err), os.RemoveAll(dir))
	}
	return &Lab{Dir: dir, starter: process.NewStarter(), counts: map[string]int{}}, nil
}

// Close kills what still runs, waits for it, and removes the directory. Call it
// once, after the last Start has returned.
func (l *Lab) Close() error {
	l.mu.Lock()
	processes := l.processes
	l.mu.Unlock()
	problems := make([]error, 0, len(processes)+2)
	for _, p := range processes {
		problems = append(problems, p.Kill())
	}
	problems = append(problems, l.starter.Close(killWithin), os.RemoveAll(l.Dir))
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("close lab: %w", err)
	}
	return nil
}

// Folder makes a new directory, named after name, and returns its path.
func (l *Lab) Folder(name string) (string, error) {
	l.mu.Lock()
	l.counts[name]++
	path := filepath.Join(l.Dir, fmt.Sprintf("%s-%d", name, l.counts[name]))
	l.mu.Unlock()
	if err := os.Mkdir(path, 0o755); err != nil { // #nosec G301 -- PostgreSQL runs as another user
		return "", fmt.Errorf("new folder: %w", err)
	}
	return path, nil
}

// Spec says what to start.
type Spec struct {
	// Name is for errors and logs.
	Name string
	Path string
	Args []string
	// Env is added to PATH, HOME and TMPDIR; nothing else of ours is passed on.
	Env []string
	// As is the user to run as; nil: this one.
	As *syscall.Credential
	// Stop asks for an end in order, Kill for one at once. Defaults: SIGTERM, SIGKILL.
	Stop, Kill syscall.Signal
	// Piped connects standard input and output to the process's In and Out.
	// Otherwise output goes to the log.
	Piped bool
}

// Start runs a process. It outlives ctx, which bounds the starting alone: [Process.Stop],
// [Process.Kill] or [Lab.Close] end it, and the kernel does where this program is killed.
func (l *Lab) Start(ctx context.Context, s Spec) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, context.Cause(ctx))
	}
	if s.Stop == 0 {
		s.Stop = syscall.SIGTERM
	}
	if s.Kill == 0 {
		s.Kill = syscall.SIGKILL
	}
	p := &Process{spec: s, log: &process.Output{Most: tailBytes}}
	cmd, err := p.prepare(l.Dir)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	p.Process, err = l.starter.Start(s.Name, cmd, p.log)
	closeWriter(cmd)
	if err != nil {
		p.closePipes()
		return nil, err
	}
	l.mu.Lock()
	l.processes = append(l.processes, p)
	l.mu.Unlock()
	return p, nil
}

// Port returns a port of the loopback address that is free at this moment.
func Port(ctx context.Context) (int, error) {
	addresses, err := process.FreeAddresses(ctx, 1)
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return strconv.Atoi(port)
}
