//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lockStore takes the lock that only one server can hold, and keeps it until the
// file is closed or the process ends. The file names the process that has it, for
// the error that the next one gets.
func lockStore(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	if err := flock(f); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrStoreInUse
			if holder, readErr := io.ReadAll(io.LimitReader(f, 32)); readErr == nil && len(holder) > 0 {
				err = fmt.Errorf("%w, process %s", ErrStoreInUse, strings.TrimSpace(string(holder)))
			}
		}
		return nil, errors.Join(fmt.Errorf("lock store: %w", err), f.Close())
	}
	err = f.Truncate(0) // what an earlier holder wrote
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock store: %w", err), f.Close())
	}
	return f, nil
}

// flock asks without waiting; a signal may interrupt the call.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncDir makes a name that was just put into dir survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
