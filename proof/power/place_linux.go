package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// tidyWord makes this program the one that tidies up after another.
	tidyWord = "tidy-up-after"
	// placePrefix begins the name of every place, and labLink is the name of the link in it
	// to the directory of the lab.
	placePrefix = "ha-power-"
	labLink     = "lab"
	// tidyWithin bounds the wait for the one that tidies up.
	tidyWithin = 20 * time.Second
)

// place is a directory for disks and what is mounted. Its owner holds a lock on it, so that
// one whose owner is dead can be told: nothing of it stays.
type place struct {
	dir  string
	lock *os.File
	tidy *exec.Cmd
}

// supported returns why there can be no place here.
func supported() error {
	if os.Geteuid() != 0 {
		return errors.New("it takes root to mount a file system")
	}
	for _, device := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(device); err != nil {
			return err
		}
	}
	return nil
}

// newPlace removes what dead owners left, and makes a new place. A process of its own waits
// for the end of this one, and tidies up if this one did not.
func newPlace(ctx context.Context) (*place, error) {
	if err := sweep(ctx); err != nil {
		return nil, err
	}
	p, err := lockPlace()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.tidy = exec.CommandContext(context.WithoutCancel(ctx), self, tidyWord, p.dir) // #nosec G204 -- ourselves; it outlives this process
	p.tidy.SysProcAttr = &syscall.SysProcAttr{Setsid: true}                         // Ctrl-C is not for it
	p.tidy.Env = append(os.Environ(), "TMPDIR="+filepath.Dir(p.dir))                // where ours is
	if err := p.tidy.Start(); err != nil {
		p.tidy = nil
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// lockPlace makes a directory and locks it. In the moment between, another run may take it
// for one whose owner is dead; then it makes another.
func lockPlace() (*place, error) {
	var problems []error
	for range 5 {
		dir, err := os.MkdirTemp("", placePrefix)
		if err != nil {
			return nil, err
		}
		lock, err := os.Open(dir) // #nosec G304 -- just made
		if err != nil {
			problems = append(problems, err)
			continue
		}
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // #nosec G115 -- a file's number
		if err == nil {
			_, err = os.Stat(dir)
		}
		if err == nil {
			return &place{dir: dir, lock: lock}, nil
		}
		problems = append(problems, fmt.Errorf("lock %s: %w", dir, err), lock.Close())
	}
	return nil, errors.Join(problems...)
}

// owns notes a lab whose directory goes with the place.
func (p *place) owns(lab string) error { return os.Symlink(lab, filepath.Join(p.dir, labLink)) }

// close removes it. All in it has been unmounted.
func (p *place) close() error {
	problems := []error{os.RemoveAll(p.dir), p.lock.Close()}
	if p.tidy != nil {
		late := time.AfterFunc(tidyWithin, func() { _ = p.tidy.Process.Kill() })
		problems = append(problems, p.tidy.Wait()) // it finds nothing, and ends
		late.Stop()
	}
	return errors.Join(problems...)
}

// tidyMain waits until the owner of the place is dead or has closed it, and removes what is left.
func tidyMain(dir string, problems io.Writer) int {
	lock, err := os.Open(dir) // #nosec G304 G703 -- given by the owner
	if errors.Is(err, os.ErrNotExist) {
		return 0 // closed at once
	}
	if err == nil {
		for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX) // #nosec G115 -- a file's number
		}
		err = errors.Join(err, remove(context.Background(), dir), lock.Close())
	}
	if err != nil {
		_, _ = fmt.Fprintf(problems, "power: tidy up after the end: %v\n", err)
		return 1
	}
	return 0
}

// sweep removes the places whose owners are dead.
func sweep(ctx context.Context) error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), placePrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		lock, err := os.Open(dir) // #nosec G304 -- by its name one of ours
		if err != nil {
			continue // gone, or somebody else's
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil { // #nosec G115 -- a file's number
			err = remove(ctx, dir)
		}
		if err = errors.Join(err, lock.Close()); err != nil {
			return fmt.Errorf("remove what a run left that was killed: %w", err)
		}
	}
	return nil
}

// remove unmounts what is mounted in a place and its lab, and removes both.
func remove(ctx context.Context, dir string) error {
	dirs := []string{dir}
	lab, err := os.Readlink(filepath.Join(dir, labLink))
	if err == nil && filepath.Dir(lab) == filepath.Dir(dir) && strings.HasPrefix(filepath.Base(lab), "ha-proof-") {
		dirs = append([]string{lab}, dirs...)
	}
	mounted, err := mounts(dirs)
	if err != nil {
		return err
	}
	for _, at := range mounted {
		// What is in use, by a process that is about to end, goes when it has ended.
		if tool(ctx, "umount", at) != nil {
			if err := tool(ctx, "umount", "-l", at); err != nil {
				return err
			}
		}
	}
	var problems []error
	for _, d := range dirs {
		problems = append(problems, os.RemoveAll(d)) // #nosec G703 -- by its name one of ours
	}
	return errors.Join(problems...)
}

// mounts returns what is mounted below the directories, the last one first.
func mounts(dirs []string) (found []string, err error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(table)) {
		words := strings.Fields(line)
		if len(words) < 5 {
			continue
		}
		for _, dir := range dirs {
			if strings.HasPrefix(words[4], dir+"/") {
				found = append(found, words[4])
			}
		}
	}
	slices.Reverse(found)
	return found, nil
}
