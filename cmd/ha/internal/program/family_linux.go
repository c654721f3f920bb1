package program

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownGroup makes the program the leader of a group of its own, and the kernel
// kill it should this process be killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// family is a program and all that descends from it. What leaves its group, as daemons
// do, is found by the tree of processes while its parent lives and, since this process
// is the reaper of its descendants, among its children afterwards: by its mark.
//
// Its methods may be used concurrently.
type family struct {
	mu sync.Mutex
	// mark is the value of the variable that tells this run from others.
	mark string
	pid  int
	// begun is when the program was started.
	begun time.Time
	// known are those that were found, so that they are found again when nothing else
	// tells whose they are.
	known map[identity]struct{}
}

// identity tells a process from others that had its id before.
type identity struct {
	pid   int
	began uint64
}

// begin starts the program.
func (f *family) begin(cmd *exec.Cmd) error {
	f.known, f.begun = map[identity]struct{}{}, time.Now()
	err := descendants.start(cmd, f)
	if err == nil {
		f.pid = cmd.Process.Pid
	}
	return err
}

// waited is called when the program itself was waited for, over when nothing of the
// family is to be looked for any more.
func (f *family) waited() { descendants.waited(f.pid) }
func (f *family) over()   { descendants.over(f) }

// lives reports whether any of the family is there, but for zombies.
func (f *family) lives() bool { return len(f.members()) > 0 }

// signal sends the signal to all of the family. Whoever has ended meanwhile is fine.
func (f *family) signal(s syscall.Signal) {
	_ = syscall.Kill(-f.pid, s)
	for _, p := range f.members() {
		if p.group != f.pid {
			_ = syscall.Kill(p.pid, s)
		}
	}
}

// members returns those of the family that are there.
func (f *family) members() []entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := f.oldest()
	all := allProcesses(oldest)
	below := map[int][]entry{}
	var reached []entry
	for _, p := range all {
		below[p.parent] = append(below[p.parent], p)
	}
	self := os.Getpid()
	strangers := descendants.strangers(f, below[self], oldest == 0)
	for _, p := range all {
		_, known := f.known[p.identity]
		if p.pid == f.pid && p.parent == self || p.group == f.pid || known || strangers[p.pid] {
			reached = append(reached, p)
		}
	}
	seen := map[int]bool{self: true}
	var members []entry
	for len(reached) > 0 {
		p := reached[0]
		reached = reached[1:]
		if seen[p.pid] {
			continue
		}
		seen[p.pid] = true
		reached = append(reached, below[p.pid]...)
		if p.state != 'Z' && p.state != 'X' {
			f.known[p.identity] = struct{}{}
			members = append(members, p)
		}
	}
	return members
}

// shortRun is the life of a program in which ids of processes cannot come round.
const shortRun = time.Second

// oldest returns the least id that any of the family can have. Ids are given out in
// ascending order until they begin anew, so that after a short life, which is where the
// time counts, only few processes are to be looked at. What earlier programs left behind
// may have any id.
func (f *family) oldest() int {
	if time.Since(f.begun) > shortRun || lastID() < f.pid || descendants.hasLeft() {
		return 0
	}
	return f.pid
}

// lastID is the id that was given to a process last; 0: nobody knows.
func lastID() int {
	load, err := os.ReadFile("/proc/loadavg")
	fields := bytes.Fields(load)
	if err != nil || len(fields) == 0 {
		return 0
	}
	return int(number(fields[len(fields)-1]))
}

// entry is a process as the kernel lists it.
type entry struct {
	identity
	parent, group, session int
	state                  byte
}

// allProcesses lists all that there are whose id is not below the oldest.
func allProcesses(oldest int) []entry {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	names, _ := dir.Readdirnames(-1) // what was read before an error is what there is
	_ = dir.Close()                  // it was only read
	list := make([]entry, 0, len(names))
	buffer := make([]byte, 1024)
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' || int(number([]byte(name))) < oldest {
			continue
		}
		if p, ok := readEntry("/proc/"+name+"/stat", buffer); ok {
			list = append(list, p)
		}
	}
	return list
}

// readEntry reads one process, unless it is gone.
func readEntry(path string, buffer []byte) (p entry, ok bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return entry{}, false
	}
	n, err := unix.Read(fd, buffer)
	_ = unix.Close(fd) // it was only read
	if err != nil {
		return entry{}, false
	}
	stat := buffer[:n]
	open, end := bytes.IndexByte(stat, ' '), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < 0 {
		return entry{}, false
	}
	// Behind the name, in which anything may stand: state, parent, group, session and, as
	// the 20th, when it began.
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 20 {
		return entry{}, false
	}
	return entry{
		identity: identity{pid: int(number(stat[:open])), began: number(fields[19])},
		state:    fields[0][0], parent: int(number(fields[1])), group: int(number(fields[2])), session: int(number(fields[3])),
	}, true
}

func number(digits []byte) (n uint64) {
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0
		}
		n = 10*n + uint64(d-'0')
	}
	return n
}

// markOf returns the mark of a process, nothing if it has none, or hides it.
func markOf(pid int) string {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if mark, ok := strings.CutPrefix(string(v), markVariable+"="); ok {
			return mark
		}
	}
	return ""
}
