package program

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// ownGroup makes the program the leader of a group of its own, and the kernel
// kill it should this process be killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// anyAlive tells whether any of the group is more than a zombie, which some
// containers never bury.
func anyAlive(group int) bool {
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(list) == 0 {
		return true // nobody knows
	}
	for _, path := range list {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it is gone
		}
		// Behind the name, in which anything may stand: state, parent, group.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 2 && string(fields[2]) == strconv.Itoa(group) && !bytes.ContainsAny(fields[0], "ZX") {
			return true
		}
	}
	return false
}
