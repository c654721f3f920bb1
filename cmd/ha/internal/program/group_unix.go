//go:build unix

package program

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

func shell(command string) *exec.Cmd {
	return exec.Command("sh", "-c", command) //nolint:noctx,gosec // whoever starts it ends its whole group; to run what the person says is what it is for
}

const (
	askToEnd = syscall.SIGTERM
	kill     = syscall.SIGKILL
)

// closeOnExec keeps programs from inheriting what this process was given by whoever
// started it, beyond the three that everybody has. What it opened itself is so already.
func closeOnExec() {
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		return // as far as the system tells
	}
	for _, f := range list {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}
