package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	ha "github.com/seed261fe303/ha"
)

// The exit statuses, which scripts and supervisors rely on.
const (
	exitOK             = 0
	exitFailed         = 1
	exitUsage          = 2
	exitDispatcherLost = 3
	exitInterrupted    = 130
)

// usageError is the caller's mistake on the command line or in the environment.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// badUsage marks a formatted error as a [usageError].
func badUsage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// checked marks what a Validate method found as a [usageError]: all settings
// come from flags and the environment.
func checked(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// report tells the person about err and returns the exit status that tells the
// shell. command is what to ask for help about.
func report(stderr io.Writer, command string, err error) int {
	if err == nil {
		return exitOK
	}
	// Joined errors print a line each, the first of which says of settings that
	// they are invalid, as does the next.
	text := strings.TrimPrefix(err.Error(), ha.ErrInvalid.Error()+"\n")
	text = strings.TrimPrefix(text, "client: ") // which package it was says nothing to a person
	_, _ = fmt.Fprintf(stderr, "ha: %s\n", strings.ReplaceAll(text, "\n", ": "))
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", command)
		return exitUsage
	case errors.Is(err, ha.ErrDispatcherLost):
		return exitDispatcherLost
	}
	return exitFailed
}
