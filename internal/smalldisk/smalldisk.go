// Package smalldisk gives a test a file system of its own that is soon full.
package smalldisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// New returns a directory on a file system with that many MiB, which is gone after the test. Where none can be
// mounted, as that needs Linux and root, the test is skipped, and standard error says so.
func New(t testing.TB, mebibytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := mount(t.Context(), dir, mebibytes); err != nil {
		fmt.Fprintf(os.Stderr, "NOT TESTED: %s needs a small disk, and none can be mounted here: %v\n", t.Name(), err)
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		// Not the test's own context, which has ended by now.
		//nolint:gosec // the test's own directory
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, out)
		}
	})
	return dir
}

func mount(ctx context.Context, dir string, mebibytes int) error {
	if runtime.GOOS != "linux" {
		return errors.New("this is not Linux")
	}
	//nolint:gosec // the test's own directory
	out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mebibytes), "tmpfs", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Fill writes a file until its file system has no more than so many bytes left.
func Fill(t testing.TB, path string, leave int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	size := int64(0)
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		n, err := f.Write(chunk)
		size += int64(n)
		if err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	if err := f.Truncate(max(0, size-int64(leave))); err != nil {
		t.Fatal(err)
	}
}
