package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed261fe303/ha/subjects"
)

// counted says a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// errorsFirst returns the first error there is.
func errorsFirst(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// oneOf returns a usage error unless exactly one of the flags' values is given.
func oneOf(flags string, values ...string) error {
	given := slices.DeleteFunc(values, func(v string) bool { return v == "" })
	if len(given) == 1 {
		return nil
	}
	return badUsage("either %s must say what is meant", flags)
}

// tokens returns a usage error where the value of a flag is given and no name.
func tokens(values map[string]string) error {
	for flag, value := range values {
		if value != "" && !subjects.ValidToken(value) {
			return badUsage("--%s must be 1 to %d letters, digits, '_' and '-', got %s", flag, subjects.MaxToken, subjects.Quote(value))
		}
	}
	return nil
}

// within limits ctx to a time; 0: not.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

func atLeast(flag string, value, least time.Duration) error {
	if value < least {
		return badUsage("--%s must not be less than %s, got %s", flag, least, value)
	}
	return nil
}
