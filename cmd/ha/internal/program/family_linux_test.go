package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/eventually"
	processes "github.com/seed261fe303/ha/internal/process"
)

// daemon is a script that leaves a process behind in a session of its own, with a child
// there, and goes on when both have written their ids. How is what starts it.
func daemon(f pidFile, how string) string {
	return fmt.Sprintf(`%s setsid sh -c 'sleep 1000 & echo $! >>%s; echo $$ >>%[2]s; wait' >/dev/null 2>&1 &
		until [ "$(wc -l <%[2]s 2>/dev/null)" = 2 ]; do sleep 0.01; done
		`, how, f)
}

// forgetful ways of starting a daemon.
var ways = map[string]string{
	"in a session":                      "",
	"without the environment":           "env -i",
	"that does not listen":              `sh -c 'trap "" TERM HUP; exec "$@"' sh`,
	"twice removed":                     `setsid sh -c '"$@" & exit' sh`,
	"twice removed, nothing known":      `setsid env -i sh -c '"$@" & exit' sh`,
	"in a session below a living child": `sh -c '"$@"; :' sh`,
}

func TestDaemonsEndWithTheProgram(t *testing.T) {
	for name, how := range ways {
		t.Run(name, func(t *testing.T) {
			pids := newPidFile(t)
			r := newRunner(t, daemon(pids, how)+"echo 7", func(cfg *Config) { cfg.KillAfter = 200 * time.Millisecond })
			result, err := r.Handle(t.Context(), ha.Task{})
			if err != nil || fmt.Sprintf("%s", result) != "7" {
				t.Errorf("result %s, error %v", result, err)
			}
			expectGone(t, pids.await(t, 2))
		})
	}
}

func TestDaemonsEndWithACancelledTask(t *testing.T) {
	for name, how := range ways {
		t.Run(name, func(t *testing.T) {
			pids := newPidFile(t)
			r := newRunner(t, daemon(pids, how)+"while :; do wait; sleep 1000; done", func(cfg *Config) { cfg.KillAfter = 200 * time.Millisecond })
			cause := errors.New("cancelled")
			ctx, cancel := context.WithCancelCause(context.Background())
			ended := make(chan error, 1)
			go func() {
				_, err := r.Handle(ctx, ha.Task{})
				ended <- err
			}()
			list := pids.await(t, 2)
			cancel(cause)
			if err := <-ended; !errors.Is(err, cause) {
				t.Errorf("error %v", err)
			}
			expectGone(t, list)
		})
	}
}

// Nobody is left to look for daemons but the guard, which knows them by their environment.
func TestDaemonsDieWithAKilledWorker(t *testing.T) {
	for name, how := range ways {
		if strings.Contains(how, "env -i") {
			continue // of which the documentation says that they are not found
		}
		t.Run(name, func(t *testing.T) {
			pids := newPidFile(t)
			worker := exec.Command(os.Args[0])
			worker.Env = append(os.Environ(), runsAlone+"="+daemon(pids, how)+"while :; do sleep 1000; done")
			worker.Stderr = os.Stderr
			if err := worker.Start(); err != nil {
				t.Fatal(err)
			}
			list := pids.await(t, 2)
			if err := worker.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = worker.Wait() // it was killed
			eventually.Nil(t, patience, func() error { return processes.Gone(list...) })
		})
	}
}

// Of several programs of one worker, or of several workers in one process, each is ended
// with its own.
func TestTheDaemonsOfOthersAreLeftAlone(t *testing.T) {
	for name, how := range map[string]string{"in a session": "", "without the environment": "env -i"} {
		t.Run(name, func(t *testing.T) {
			mine, theirs := newPidFile(t), newPidFile(t)
			goOn := newPidFile(t)
			r := newRunner(t, fmt.Sprintf(`read -r which
				case $which in
				1) %s ;;
				2) %s until [ -s %s ]; do sleep 0.01; done ;;
				esac
				echo "$which"`, daemon(mine, ""), daemon(theirs, how), goOn), func(cfg *Config) { cfg.KillAfter = 200 * time.Millisecond })
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := r.Handle(t.Context(), ha.Task{Payload: []byte("2\n")}); err != nil {
					t.Error(err)
				}
			})
			others := theirs.await(t, 2)
			if _, err := r.Handle(t.Context(), ha.Task{Payload: []byte("1\n")}); err != nil {
				t.Error(err)
			}
			expectGone(t, mine.await(t, 2))
			for _, pid := range others {
				if processes.Gone(pid) == nil {
					t.Errorf("process %d of another program was ended", pid)
				}
			}
			if err := os.WriteFile(string(goOn), []byte("go on\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			both.Wait()
			expectGone(t, others)
		})
	}
}

// What ends by itself under its new parent does not stay a zombie.
func TestOrphansAreBuried(t *testing.T) {
	pids := newPidFile(t)
	r := newRunner(t, fmt.Sprintf(`for i in 1 2 3; do setsid sh -c '(echo $$ >>%s; exit) & exit'; done
		while [ -e %[1]s ]; do sleep 0.01; done`, pids))
	ended := make(chan error, 1)
	go func() {
		_, err := r.Handle(context.Background(), ha.Task{})
		ended <- err
	}()
	pids.await(t, 3)
	self := os.Getpid()
	eventually.Nil(t, patience, func() error {
		for _, p := range allProcesses(0) {
			if p.parent == self && p.state == 'Z' {
				return fmt.Errorf("process %d was not buried", p.pid)
			}
		}
		return nil
	})
	if err := os.Remove(string(pids)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAProgramInheritsNoStrayDescriptor(t *testing.T) {
	stray, err := syscall.Dup(1) // as a supervisor's may be, which a program would inherit
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(stray) }()
	r := newRunner(t, "exec ls /proc/self/fd")
	got, err := r.Handle(t.Context(), ha.Task{})
	if err != nil || fmt.Sprintf("%s", got) != `"0\n1\n2\n3"` { // the last is the folder that it lists
		t.Errorf("descriptors %s, error %v", got, err)
	}
}

func TestTheStandardErrorOfASuccessIsLogged(t *testing.T) {
	var log bytes.Buffer
	r := newRunner(t, `yes "a warning" | head -n 1000 >&2; echo "progress 3 done" >&2; echo "the last word" >&2`, func(c *Config) {
		c.Log = zerolog.New(&log).Level(zerolog.InfoLevel)
	})
	if _, err := r.Handle(t.Context(), ha.Task{ID: "t1"}); err != nil {
		t.Fatal(err)
	}
	got := log.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, `the last word"`) || !strings.Contains(got, `"task":"t1"`) || strings.Contains(got, "progress") || len(got) > 2000 {
		t.Errorf("the log is\n%s", got)
	}
}
