//go:build !linux

package harness

import "syscall"

// Signals that no process can be sent: [Process.Pause] fails here.
const (
	sigPause    = syscall.Signal(-1)
	sigContinue = syscall.Signal(-1)
)

func attributes() *syscall.SysProcAttr { return nil }
