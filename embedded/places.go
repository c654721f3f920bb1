package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What nats-server keeps in the directory of a stream.
const (
	streamMeta  = "meta.inf"
	blocksDir   = "msgs"
	blockSuffix = ".blk"
)

// place is a directory that must stay where it was found. It is held open, so that no
// other directory can get its number while it is compared by that.
type place struct {
	path string
	dir  *os.File
}

func holdPlace(path string) (place, error) {
	dir, err := os.Open(path)
	return place{path, dir}, err
}

// check returns an error if the path does not lead to the directory any more.
func (p place) check() error {
	was, err := p.dir.Stat()
	if err != nil {
		return fmt.Errorf("%s cannot be looked at: %w", p.path, err)
	}
	is, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s was removed, or moved away", p.path)
	case err != nil:
		return fmt.Errorf("%s cannot be looked at: %w", p.path, err)
	case !os.SameFile(was, is):
		return fmt.Errorf("%s was replaced by another directory", p.path)
	}
	return nil
}

func (p place) release() { _ = p.dir.Close() } // it was only looked at

// streamPlace is the directory of a stream.
type streamPlace struct {
	place
	newest   uint64 // the highest number of a block seen in it; 0: none yet
	messages uint64 // that the stream had last
}

// check returns an error if the directory is not there any more, or lacks what a stream with
// that many messages has in it. Blocks are numbered upwards, and the newest is never removed
// before there is a newer one, unless the stream is empty.
func (p *streamPlace) check(messages uint64) error {
	if err := p.place.check(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(p.path, streamMeta)); err != nil {
		return missingFile(err)
	}
	if messages == 0 {
		return nil
	}
	for there(p.block(p.newest + 1)) {
		p.newest++
	}
	if p.newest > 0 && there(p.block(p.newest)) {
		return nil
	}
	highest, err := p.highest()
	switch {
	case err != nil:
		return missingFile(err)
	case highest == 0:
		return fmt.Errorf("%s has no file %s in it any more", filepath.Join(p.path, blocksDir), "*"+blockSuffix)
	case highest < p.newest:
		return fmt.Errorf("%s was removed", p.block(p.newest))
	}
	p.newest = highest
	return nil
}

func missingFile(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was removed", path.Path)
	}
	return err
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (p *streamPlace) block(number uint64) string {
	return filepath.Join(p.path, blocksDir, strconv.FormatUint(number, 10)+blockSuffix)
}

// highest returns the highest number of a block; 0: there is none.
func (p *streamPlace) highest() (uint64, error) {
	files, err := os.ReadDir(filepath.Join(p.path, blocksDir))
	if err != nil {
		return 0, err
	}
	highest := uint64(0)
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), blockSuffix)
		if number, err := strconv.ParseUint(name, 10, 64); ok && err == nil {
			highest = max(highest, number)
		}
	}
	return highest, nil
}
