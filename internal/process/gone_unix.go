//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// Gone returns nil if none of the processes of those ids lives. A zombie does not.
func Gone(pids ...int) error {
	for _, pid := range pids {
		if state := stateOf(pid); state != "" {
			return fmt.Errorf("process %d still runs: %s", pid, state)
		}
	}
	return nil
}

// stateOf returns what the system says of a process that lives.
func stateOf(pid int) string {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return ""
	}
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil && !strings.Contains(string(state), ") Z ") {
		return string(state)
	}
	if _, missing := os.Stat("/proc/self/stat"); missing == nil {
		return "" // a zombie, or gone since
	}
	state, err = exec.CommandContext(context.Background(), "ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output() // #nosec G204 -- a number
	if err != nil || strings.HasPrefix(strings.TrimSpace(string(state)), "Z") {
		return ""
	}
	return strings.TrimSpace(string(state))
}
