//go:build unix && !linux

package program

import (
	"errors"
	"os/exec"
	"syscall"
)

// ownGroup makes the program the leader of a group of its own.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// family is a program and its group. What leaves the group is found by nobody here.
type family struct {
	mark string
	pid  int
}

func (f *family) begin(cmd *exec.Cmd) error {
	err := cmd.Start()
	if err == nil {
		f.pid = cmd.Process.Pid
	}
	return err
}

func (*family) waited() {}
func (*family) over()   {}

func (f *family) signal(s syscall.Signal) { _ = syscall.Kill(-f.pid, s) } // that it has ended meanwhile is fine

// lives reports whether anything runs in the group, or was not buried yet.
func (f *family) lives() bool {
	// Whoever is process 1 of a container inherits orphans, and has to bury them.
	for {
		var status syscall.WaitStatus
		if buried, err := syscall.Wait4(-f.pid, &status, syscall.WNOHANG, nil); err != nil || buried <= 0 {
			break
		}
	}
	return !errors.Is(syscall.Kill(-f.pid, 0), syscall.ESRCH)
}

// reaper is nothing on systems that give orphans to process 1 alone.
type reaper struct{}

var descendants reaper

func (*reaper) enter(string) error                   { return nil }
func (*reaper) leave()                               {}
func (*reaper) start(cmd *exec.Cmd, _ *family) error { return cmd.Start() }
func (*reaper) waited(int)                           {}
