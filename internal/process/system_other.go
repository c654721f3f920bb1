//go:build !linux

package process

import "syscall"

// Signals that no process can be sent: [Process.Pause] fails here.
const (
	sigPause    = syscall.Signal(-1)
	sigContinue = syscall.Signal(-1)
)

// Attributes does nothing: only Linux kills children with their parent.
func Attributes(syscall.Signal) *syscall.SysProcAttr { return nil }
