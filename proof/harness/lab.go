package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/seed261fe303/ha/internal/process"
)

// Package is the command that a Lab builds.
const Package = "github.com/seed261fe303/ha/cmd/ha"

// natsServer is the command of the NATS server, of the version that is embedded in ours.
const natsServer = "github.com/nats-io/nats-server/v2"

// endWithin bounds the wait for the end of a killed process.
const endWithin = 10 * time.Second

// Lab owns a binary, a directory and the processes that run in it. Its methods
// may be used concurrently.
type Lab struct {
	// Dir holds the binary, stores and logs. Close removes it unless Keep is set.
	Dir string
	// Keep leaves Dir where it is. Set it before Close.
	Keep bool

	ctx     context.Context
	cancel  context.CancelFunc
	binary  string
	starter *process.Starter

	mu     sync.Mutex
	counts map[string]int // starts, by name
}

// NextFormat is the build tag of a command whose newest format of the journal is one more
// than that of the command without it.
const NextFormat = "ha_next_format"

// NewLab builds the command and returns a Lab, which the caller closes. The
// processes in it are killed when ctx ends. It must be called with the working
// directory inside of this module.
func NewLab(ctx context.Context) (*Lab, error) { return newLab(ctx, "") }

// newLab is [NewLab] for a binary of the command that is there already; empty: it builds one.
func newLab(ctx context.Context, binary string) (*Lab, error) {
	dir, err := os.MkdirTemp("", "ha-proof-")
	if err != nil {
		return nil, fmt.Errorf("new lab: %w", err)
	}
	l := &Lab{Dir: dir, binary: binary, counts: map[string]int{}}
	if binary == "" {
		l.binary = filepath.Join(dir, "ha")
		if err := build(ctx, Package, "", l.binary); err != nil {
			return nil, errors.Join(fmt.Errorf("new lab: %w", err), os.RemoveAll(dir))
		}
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.starter = process.NewStarter()
	return l, nil
}

// Binary is the path of the command that the Lab starts.
func (l *Lab) Binary() string { return l.binary }

// Build builds the command with that build tag, and returns the path of the binary, for
// [Lab.StartBinary]. It lives as long as the Lab.
func (l *Lab) Build(ctx context.Context, tag string) (binary string, err error) {
	binary = l.binary + "-" + tag
	return binary, build(ctx, Package, tag, binary)
}

// BuildServer builds the NATS server as others have it, which is without the settings of the
// embedded one, and returns the path of the binary, for [Lab.StartBinary]. It lives as long as the Lab.
func (l *Lab) BuildServer(ctx context.Context) (binary string, err error) {
	binary = filepath.Join(l.Dir, "nats-server")
	return binary, build(ctx, natsServer, "", binary)
}

// build builds a command to the path binary. It does so in the user's cache, where Go
// finds that nothing has changed since the last lab's: linking takes longer than all the rest.
func build(ctx context.Context, command, tag, binary string) error {
	target := binary
	if cache, err := os.UserCacheDir(); err == nil {
		target = filepath.Join(cache, "ha-proof", filepath.Base(binary))
	}
	build := exec.CommandContext(ctx, "go", "build", "-tags="+tag, "-ldflags=-s -w", "-o", target, command) // #nosec G204 -- into our own directory
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	if target == binary {
		return nil
	}
	// A copy, which another lab's build does not replace.
	body, err := os.ReadFile(target) // #nosec G304 -- that was just built
	if err != nil {
		return fmt.Errorf("build %s: %w", command, err)
	}
	// No process may be forked meanwhile: until it executes its program it would have the file open for writing too,
	// and what is open for writing cannot be executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(binary, body, 0o700) // #nosec G306 G703 -- it is a program, in our own directory
}

// Close kills what still runs, waits for it, and removes the directory. Call it
// once, after the last Start has returned.
func (l *Lab) Close() error {
	l.cancel()
	problems := []error{l.starter.Close(endWithin)}
	if !l.Keep {
		problems = append(problems, os.RemoveAll(l.Dir))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("close lab: %w", err)
	}
	return nil
}

// Start runs the command with args. Name tells the process from others in
// errors and names its log, which also goes to onLine, if not nil, line by line;
// onLine must not block. The process sees nothing of the caller's environment but PATH.
func (l *Lab) Start(name string, onLine func(at time.Time, line []byte), args ...string) (*Process, error) {
	return l.start(name, l.binary, onLine, args)
}

// StartBinary is [Lab.Start] for a binary that [Lab.Build] made; empty: the lab's own.
func (l *Lab) StartBinary(name, binary string, onLine func(at time.Time, line []byte), args ...string) (*Process, error) {
	return l.start(name, cmp.Or(binary, l.binary), onLine, args)
}

// StartSelf is [Lab.Start] for the program that calls it, which must tell by args
// that it is to be something else this time.
func (l *Lab) StartSelf(name string, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return l.start(name, self, nil, args)
}

func (l *Lab) start(name, binary string, onLine func(at time.Time, line []byte), args []string) (*Process, error) {
	if err := l.ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, context.Cause(l.ctx))
	}
	l.mu.Lock()
	l.counts[name]++
	path := filepath.Join(l.Dir, fmt.Sprintf("%s-%d.log", name, l.counts[name]))
	l.mu.Unlock()
	log, err := openLog(path, onLine)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	cmd := exec.CommandContext(l.ctx, binary, args...) // #nosec G204 G702 -- the binary is the one just built, or our own
	cmd.Dir, cmd.WaitDelay, cmd.SysProcAttr = l.Dir, endWithin, process.Attributes(syscall.SIGKILL)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.Dir, "TMPDIR=" + l.Dir}
	cmd.Stdout, cmd.Stderr = log, log
	p, err := l.starter.Start(name, cmd, log)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return p, nil
}
