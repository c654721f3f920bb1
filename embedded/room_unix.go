//go:build darwin || freebsd || linux

package embedded

import "syscall"

// fileSystemRoom returns how many bytes an ordinary user may still write to the file system that path
// lies on, and how large it is.
func fileSystemRoom(path string) (free, size uint64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0, 0, err
	}
	block := uint64(fs.Bsize)
	return uint64(max(fs.Bavail, 0)) * block, fs.Blocks * block, nil //nolint:unconvert // it is signed on FreeBSD
}
