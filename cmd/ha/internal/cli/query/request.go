package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/asking"
	"github.com/seed261fe303/ha/subjects"
)

// NoAnswerError says that nobody answered, for whatever reason.
type NoAnswerError struct{ Err error }

// Error returns the text of Err.
func (e *NoAnswerError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// Ask sends an empty request and returns the reply's body after decoding it
// into the message that into points to. A refusal is an error.
func Ask(ctx context.Context, nc *nats.Conn, subject string, timeout time.Duration, into any) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	requests := asking.New(nc)
	defer requests.Close()
	reply, err := requests.Do(limited, subject, nil, []byte("{}"))
	var stored *asking.StoredError
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		said := fmt.Sprintf("no dispatcher answers on %s at %s: start one with \"ha dispatcher\", or check --server and --prefix",
			subject, nc.ConnectedUrlRedacted())
		return nil, &NoAnswerError{Err: cli.Saying(err, said)}
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && errors.As(err, &stored):
		return nil, &NoAnswerError{Err: fmt.Errorf("no answer on %s within %s: %s", subject, timeout, stored.Note())}
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, &NoAnswerError{Err: fmt.Errorf("no answer on %s within %s: the dispatcher or the connection hangs", subject, timeout)}
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", subject, err)
	}
	if err := subjects.DecodeReply(reply.Header.Get(subjects.HeaderErrorCode), reply.Data, into); err != nil {
		return nil, fmt.Errorf("ask %s: %w", subject, err)
	}
	return reply.Data, nil
}
