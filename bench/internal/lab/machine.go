package lab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// RSS returns how much memory of the machine the process has, in bytes.
func (p *Process) RSS() (int64, error) {
	path := fmt.Sprintf("/proc/%d/status", p.PID())
	value, err := field(path, "VmRSS")
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.Name, err)
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.Name, err)
	}
	return kib << 10, nil
}

// CPU returns what the processor of this machine calls itself.
func CPU() string {
	if name, err := field("/proc/cpuinfo", "model name"); err == nil {
		return name
	}
	return "unknown"
}

// Memory returns what the machine has, as the kernel writes it.
func Memory() string {
	if size, err := field("/proc/meminfo", "MemTotal"); err == nil {
		return size
	}
	return "unknown"
}

// field finds the value of the first line "name : value" of a file.
func field(path, name string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", errors.Join(fmt.Errorf("%s has no line %s", path, name), lines.Err())
}

// FileSystem names the kind of file system that a directory is on. Numbers about
// fsync mean nothing on one that is kept in memory.
func FileSystem(dir string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "unknown"
	}
	names := map[int64]string{
		0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x01021994: "tmpfs (in memory)",
		0x794c7630: "overlayfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs",
	}
	if name, ok := names[s.Type]; ok {
		return name
	}
	return fmt.Sprintf("type %#x", s.Type)
}

// Fsync measures what it takes to append 4 KiB to a file in dir and have them on
// the disk: the median of times tries.
func Fsync(dir string, times int) (time.Duration, error) {
	path := filepath.Join(dir, "fsync")
	file, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(path) // the directory is removed in the end
	}()
	block := make([]byte, 4<<10)
	took := make([]time.Duration, 0, times)
	for range times {
		began := time.Now()
		if _, err := file.Write(block); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
