//go:build !unix

package program

import "os/exec"

func shell(command string) *exec.Cmd {
	return exec.Command("cmd", "/C", command) //nolint:noctx,gosec // whoever starts it ends it; to run what the person says is what it is for
}

// There are no groups here: the program alone is ended, and at once.
func ownGroup(*exec.Cmd)      {}
func terminate(cmd *exec.Cmd) { kill(cmd) }
func kill(cmd *exec.Cmd)      { _ = cmd.Process.Kill() } // that it has ended meanwhile is fine
func groupLives(int) bool     { return false }
