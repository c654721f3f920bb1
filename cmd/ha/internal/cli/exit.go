package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// The exit statuses, which scripts and supervisors rely on.
const (
	// ExitOK follows an orderly end.
	ExitOK = 0
	// ExitFailed follows a failure that has no status of its own.
	ExitFailed = 1
	// ExitUsage follows a mistake on the command line or in the environment.
	ExitUsage = 2
	// ExitDispatcherLost is of a worker whose dispatcher does not answer any more.
	ExitDispatcherLost = 3
	// ExitInterrupted follows a second signal, which ends a command at once.
	ExitInterrupted = 130
)

// usageError is the caller's mistake on the command line or in the environment.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// BadUsage formats an error that is the caller's mistake: the command ends with
// [ExitUsage].
func BadUsage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// Checked marks an error of a Validate method as the caller's mistake, since all
// settings come from flags and the environment. It returns nil for nil.
func Checked(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// plainWords are what errors of Go's library say to people.
var plainWords = strings.NewReplacer(context.DeadlineExceeded.Error(), "the time is up", context.Canceled.Error(), "stopped")

// report tells the person about err and returns the exit status that tells the
// shell. command is what to ask for help about.
func report(stderr io.Writer, command string, err error) int {
	if err == nil {
		return ExitOK
	}
	// Joined errors print a line each, the first of which says of settings that
	// they are invalid, as does the next.
	message := strings.TrimPrefix(err.Error(), ha.ErrInvalid.Error()+"\n")
	message = strings.TrimPrefix(message, "client: ") // which package it was says nothing to a person
	message = plainWords.Replace(message)
	_, _ = fmt.Fprintf(stderr, "ha: %s\n", text.Escape(strings.ReplaceAll(message, "\n", ": ")))
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", command)
		return ExitUsage
	case errors.Is(err, ha.ErrDispatcherLost):
		return ExitDispatcherLost
	}
	return ExitFailed
}

// Saying returns an error that says text alone, and matches what err does.
func Saying(err error, text string) error { return &said{text, err} }

type said struct {
	text string
	err  error
}

func (e *said) Error() string { return e.text }
func (e *said) Unwrap() error { return e.err }

// Refusal returns the text of an error about a task that was named already.
func Refusal(err error) string {
	if refused, ok := errors.AsType[*ha.Error](err); ok {
		return text.Escape(refused.Message)
	}
	return text.Escape(err.Error())
}
