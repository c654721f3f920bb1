package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/worker"
)

// What ends a handler is said to people, in the error of its task, and matches what code
// that knows only the standard library looks for.
func TestCausesAreForPeopleAndForCode(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{worker.ErrCancelled, worker.ErrStopping, worker.ErrForgotten, worker.ErrTimedOut} {
		want := context.Canceled
		if errors.Is(cause, worker.ErrTimedOut) {
			want = context.DeadlineExceeded
		}
		if !errors.Is(cause, want) || strings.Contains(cause.Error(), "context") {
			t.Errorf("%q does not match %v, or says so", cause, want)
		}
	}
}
