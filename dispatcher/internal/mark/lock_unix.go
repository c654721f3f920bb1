//go:build unix

package mark

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock keeps other processes from the file, until it is closed or this one ends.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}
