package process

import "syscall"

const (
	sigPause    = syscall.SIGSTOP
	sigContinue = syscall.SIGCONT
)

// Attributes puts a child into a process group of its own, so that a Ctrl-C in the
// terminal reaches this process alone, and has the kernel send it a signal when the
// thread that started it ends. On systems other than Linux it does nothing.
func Attributes(orphaned syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphaned}
}
