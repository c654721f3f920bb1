package harness

import "syscall"

const (
	sigPause    = syscall.SIGSTOP
	sigContinue = syscall.SIGCONT
)

// attributes puts a child into a process group of its own, so that a Ctrl-C in the
// terminal reaches this process alone, and has the kernel kill it when the thread
// that started it ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
