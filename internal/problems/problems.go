// Package problems collects all that is wrong with some settings into one error,
// so that whoever made several mistakes learns of them at once.
package problems

import (
	"fmt"
	"strings"

	ha "github.com/seed261fe303/ha"
)

// List is what is wrong, in words for the person who made the settings. The zero
// value is an empty list. It must not be used concurrently.
type List []string

// Add appends one problem.
func (l *List) Add(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

// Check appends err unless it is nil.
func (l *List) Check(err error) {
	if err != nil {
		*l = append(*l, err.Error())
	}
}

// Err returns nil if the list is empty, and otherwise one error that matches
// [ha.ErrInvalid]. Its text is what, a colon, and all problems.
func (l List) Err(what string) error {
	if len(l) == 0 {
		return nil
	}
	return Mark(fmt.Errorf("%s: %s", what, strings.Join(l, "; ")))
}

// Mark returns an error with the text of err that matches [ha.ErrInvalid] besides
// what err matches.
func Mark(err error) error { return &invalid{err} }

type invalid struct{ err error }

func (e *invalid) Error() string   { return e.err.Error() }
func (e *invalid) Unwrap() []error { return []error{e.err, ha.ErrInvalid} }
