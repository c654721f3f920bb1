//go:build unix

package program

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// guardScript reads which groups there are, and kills them when its input ends:
// that is when this process has, however it did. What has left its group is found by its
// mark, where there is a /proc.
const guardScript = `trap '' HUP INT TERM
groups=' '
while read -r what group; do
  case $what in
  +) groups="$groups$group " ;;
  -) groups="${groups%% $group *} ${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
i=0
while [ $i -lt 20 ]; do
  left=$(grep -ls -- "HA_TASK_RUN=$1-" /proc/[0-9]*/environ)
  [ -n "$left" ] || break
  for process in $left; do
    process=${process#/proc/}
    kill -s KILL -- "${process%/environ}"
  done
  i=$((i + 1))
done`

// guard is a shell that outlives this process to kill the groups that it leaves.
type guard struct {
	cmd *exec.Cmd

	mu sync.Mutex
	to io.WriteCloser
}

func newGuard(token string) (*guard, error) {
	cmd := exec.Command("sh", "-c", guardScript, "ha-guard", token) //nolint:noctx,gosec // it has to outlive every context; the token is ours
	cmd.Env = withoutTask(os.Environ())                             // or else a worker that runs this one would take it for a daemon
	// Out of the reach of Ctrl-C, and of whatever is sent to this process's group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdin = in
	err = descendants.start(cmd, nil)
	_ = in.Close() // it has its own
	if err != nil {
		_ = to.Close()
		return nil, err
	}
	return &guard{cmd: cmd, to: to}, nil
}

func (g *guard) add(group int) error    { return g.tell("+", group) }
func (g *guard) remove(group int) error { return g.tell("-", group) }

func (g *guard) tell(what string, group int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, err := fmt.Fprintf(g.to, "%s %d\n", what, group)
	return err
}

// close ends the guard, which kills what it still knows of.
func (g *guard) close() {
	g.mu.Lock()
	_ = g.to.Close() // a pipe, of which nothing is flushed
	g.mu.Unlock()
	_ = g.cmd.Wait() // its status says nothing
	descendants.waited(g.cmd.Process.Pid)
}
