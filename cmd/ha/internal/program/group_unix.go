//go:build unix

package program

import (
	"errors"
	"os/exec"
	"syscall"
)

func shell(command string) *exec.Cmd {
	return exec.Command("sh", "-c", command) //nolint:noctx,gosec // whoever starts it ends its whole group; to run what the person says is what it is for
}

// terminate asks the group to end. That it has ended meanwhile is fine.
func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// kill ends the group. That it has ended meanwhile is fine.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// groupLives tells whether anything runs in the group whose leader had that pid
// and was waited for.
func groupLives(pid int) bool {
	// Whoever is process 1 of a container inherits orphans, and has to bury them.
	for {
		var status syscall.WaitStatus
		if buried, err := syscall.Wait4(-pid, &status, syscall.WNOHANG, nil); err != nil || buried <= 0 {
			break
		}
	}
	err := syscall.Kill(-pid, 0)
	return !errors.Is(err, syscall.ESRCH) && anyAlive(pid)
}
