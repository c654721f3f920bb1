package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Counted returns a number of things in words: "1 task", "2 tasks".
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// FirstError returns the first error that is not nil.
func FirstError(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// CheckOneOf returns a usage error unless exactly one of the flags' values is given.
func CheckOneOf(flags string, values ...string) error {
	given := slices.DeleteFunc(values, func(v string) bool { return v == "" })
	if len(given) == 1 {
		return nil
	}
	return BadUsage("either %s must say what is meant", flags)
}

// CheckTokens returns a usage error if the value of a flag, by its name, is neither
// empty nor a token.
func CheckTokens(values map[string]string) error {
	for flag, value := range values {
		if value != "" && !ha.ValidToken(value) {
			return BadUsage("--%s must be 1 to %d letters, digits, '_' and '-', got %s", flag, ha.MaxToken, subjects.Quote(value))
		}
	}
	return nil
}

// Within returns ctx with a time limit, or without one if limit is 0.
func Within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// CheckAtLeast returns a usage error if the value of a flag is below the least.
func CheckAtLeast(flag string, value, least time.Duration) error {
	if value < least {
		return BadUsage("--%s must not be less than %s, got %s", flag, least, value)
	}
	return nil
}
