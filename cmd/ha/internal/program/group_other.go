//go:build !unix

package program

import (
	"os/exec"
	"syscall"
)

func shell(command string) *exec.Cmd {
	return exec.Command("cmd", "/C", command) //nolint:noctx,gosec // whoever starts it ends it; to run what the person says is what it is for
}

const (
	askToEnd = syscall.SIGTERM
	kill     = syscall.SIGKILL
)

func closeOnExec() {}

// There are no groups here: the program alone is ended, and at once.
func ownGroup(*exec.Cmd) {}

// family is a program alone.
type family struct {
	mark string
	pid  int
	cmd  *exec.Cmd
}

func (f *family) begin(cmd *exec.Cmd) error {
	err := cmd.Start()
	if err == nil {
		f.cmd, f.pid = cmd, cmd.Process.Pid
	}
	return err
}

func (*family) waited()                 {}
func (*family) over()                   {}
func (f *family) signal(syscall.Signal) { _ = f.cmd.Process.Kill() } // that it has ended meanwhile is fine
func (*family) lives() bool             { return false }

// reaper is nothing where there are no orphans.
type reaper struct{}

var descendants reaper

func (*reaper) enter(string) error { return nil }
func (*reaper) leave()             {}
