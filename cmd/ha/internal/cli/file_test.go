package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	holds := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("it holds %q, %v; want %q", got, err, want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%v are in the directory, %v", left, err)
		}
	}
	if err := WriteFile(path, false, write("first")); err != nil {
		t.Fatal(err)
	}
	holds("first")
	asked := false
	err := WriteFile(path, false, func(io.Writer) error { asked = true; return nil })
	if !errors.Is(err, fs.ErrExist) || asked {
		t.Errorf("a file that is there: %v, written anyway: %t", err, asked)
	}
	holds("first")
	// Somebody makes it while it is being written.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	err = WriteFile(path, false, func(io.Writer) error { return os.WriteFile(path, []byte("theirs"), 0o600) })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that somebody made meanwhile: %v", err)
	}
	holds("theirs")
	if err := WriteFile(path, true, write("second")); err != nil {
		t.Fatal(err)
	}
	holds("second")
	broken := errors.New("broken")
	if err := WriteFile(path, true, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("what cannot be written: %v", err)
	}
	holds("second")
}
