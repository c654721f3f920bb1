package problems

import (
	"errors"
	"io/fs"
	"testing"

	ha "github.com/seed261fe303/ha"
)

func TestList(t *testing.T) {
	t.Parallel()
	var l List
	l.Check(nil)
	if err := l.Err("settings"); err != nil {
		t.Errorf("nothing is wrong, and %v", err)
	}
	l.Add("a must be %d", 1)
	l.Check(errors.New("b: 100%"))
	err := l.Err("settings")
	if err == nil || err.Error() != "settings: a must be 1; b: 100%" || !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestMarkKeepsWhatAnErrorMatches(t *testing.T) {
	t.Parallel()
	err := Mark(fs.ErrNotExist)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ha.ErrInvalid) || err.Error() != fs.ErrNotExist.Error() {
		t.Errorf("got %v", err)
	}
}
