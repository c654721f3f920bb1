package program

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// buryAfter is how long the dead may wait, so that many are buried at once.
const buryAfter = 100 * time.Millisecond

// descendants are those of this process, which is one, and has one list of children.
var descendants reaper

// reaper is what this process is to its descendants whose parents have ended: their new
// parent, which has to bury them.
type reaper struct {
	mu sync.Mutex
	// users counts the runners that were not closed.
	users int
	stop  func()
	// own are the children that somebody here waits for.
	own map[int]struct{}
	// tokens begin the marks of the runners, marks are those of the runs under way.
	tokens, marks map[string]struct{}
	// left: a child was adopted that could be of several programs.
	left bool
}

// enter makes this process the reaper of its descendants. The error is the kernel's: without
// it, what leaves its group is found only while its parent lives.
func (r *reaper) enter(token string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == nil {
		r.own, r.marks, r.tokens = map[int]struct{}{}, map[string]struct{}{}, map[string]struct{}{}
	}
	r.tokens[token] = struct{}{}
	if r.users++; r.users > 1 {
		return nil
	}
	died, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(died, syscall.SIGCHLD)
	var burying sync.WaitGroup
	burying.Go(func() { r.buryUntil(over, died) })
	r.stop = func() {
		signal.Stop(died)
		close(over)
		burying.Wait()
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// leave ends the burying, when nobody else needs it. What comes later is the kernel's when
// this process ends.
func (r *reaper) leave() {
	r.mu.Lock()
	stop := r.stop
	if r.users--; r.users > 0 {
		stop = func() {}
	}
	r.mu.Unlock()
	stop()
}

// start starts a program that somebody waits for, before anybody can bury it. f is its
// family, nil if it has none.
func (r *reaper) start(cmd *exec.Cmd, f *family) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	r.own[cmd.Process.Pid] = struct{}{}
	if f != nil {
		r.marks[f.mark] = struct{}{}
	}
	return nil
}

func (r *reaper) waited(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.own, pid)
}

func (r *reaper) over(f *family) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.marks, f.mark)
}

// strangers returns those of this process's children that nobody started here, and that
// are of the family: by their mark, or because the run that they are of is over and the
// family is there to take care of them. What hides its mark is of the only run there is.
// all says that they are all of its children.
func (r *reaper) strangers(f *family, children []entry, all bool) map[int]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, left := map[int]bool{}, false
	for _, p := range children {
		if _, own := r.own[p.pid]; own || p.state == 'Z' {
			continue
		}
		mark := markOf(p.pid)
		token, _, _ := strings.Cut(mark, "-")
		_, underWay := r.marks[mark]
		_, ours := r.tokens[token]
		unknown := !underWay && !ours && p.session != ownSession()
		switch {
		case mark == f.mark, ours && !underWay, unknown && len(r.marks) <= 1:
			found[p.pid] = true
		case unknown:
			left = true
		}
	}
	r.left = left || r.left && !all
	return found
}

// hasLeft reports whether there may be something that nobody could be told to be of.
func (r *reaper) hasLeft() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

// ownSession is that of this process. A child of it that is in another one, and that
// nobody here started, was adopted.
func ownSession() int {
	session, err := unix.Getsid(0)
	if err != nil {
		return 0
	}
	return session
}

// buryUntil buries the dead until over is closed.
func (r *reaper) buryUntil(over <-chan struct{}, died <-chan os.Signal) {
	for {
		select {
		case <-died:
		case <-over:
			return
		}
		timer := time.NewTimer(buryAfter)
		select {
		case <-timer.C:
		case <-over:
			timer.Stop()
			return
		}
		r.bury()
	}
}

// bury takes in what is left of adopted children that have ended.
func (r *reaper) bury() {
	r.mu.Lock()
	defer r.mu.Unlock()
	self := os.Getpid()
	for _, p := range allProcesses(0) {
		if _, own := r.own[p.pid]; own || p.parent != self || p.state != 'Z' {
			continue
		}
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(p.pid, &status, syscall.WNOHANG, nil) // somebody else may have done so
	}
}
