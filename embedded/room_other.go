//go:build !darwin && !freebsd && !linux

package embedded

import "errors"

// fileSystemRoom cannot tell on this system.
func fileSystemRoom(string) (free, size uint64, err error) { return 0, 0, errors.ErrUnsupported }
