package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile makes a file of what write writes, all of it or nothing. A file that is there
// already is replaced only if replace is set; otherwise the error matches [fs.ErrExist].
func WriteFile(path string, replace bool, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil && !replace {
		return exists(path) // before the work is done
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = write(temp)
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	switch {
	case err != nil:
	case replace:
		if err = os.Rename(temp.Name(), path); err == nil {
			return nil
		}
	default:
		// A link is refused if somebody has made the file meanwhile.
		if err = os.Link(temp.Name(), path); errors.Is(err, fs.ErrExist) {
			err = exists(path)
		}
	}
	return errors.Join(err, os.Remove(temp.Name()))
}

func exists(path string) error {
	return Saying(fs.ErrExist, path+" is there already, and may be worth more than what would take its place: name another file, or replace it with --force")
}
