package ha

import (
	"errors"
	"fmt"
)

// The sentinel errors. Test for them with [errors.Is].
var (
	// ErrInvalid: a request is malformed or out of range, so that sending it again will
	// not help. It is also what the errors of invalid settings match, in every package.
	ErrInvalid = errors.New("invalid request")
	// ErrNotFound: the dispatcher does not know the thing the request names.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the request contradicts what the dispatcher holds.
	ErrConflict = errors.New("conflict")
	// ErrTooLarge: the request or a part of it is over its limit.
	ErrTooLarge = errors.New("too large")
	// ErrOverloaded: the dispatcher refuses more of this for now.
	ErrOverloaded = errors.New("overloaded")
	// ErrInternal: the dispatcher failed; the request may be sent again unchanged.
	ErrInternal = errors.New("internal error")
	// ErrUnavailable: no dispatcher can answer now; the request may be sent again unchanged.
	ErrUnavailable = errors.New("unavailable")
	// ErrDispatcherLost ends a worker that missed as many heartbeats in a row as it was allowed.
	ErrDispatcherLost = errors.New("dispatcher lost")
)

// Error is a refused request: what the protocol carries in the headers
// Nats-Service-Error-Code and Nats-Service-Error and in the body's "error".
// It matches the sentinel of its status with [errors.Is].
type Error struct {
	// Status is one of 400, 404, 409, 413, 429, 500 and 503.
	Status int
	// Code is a stable name for programs, such as "invalid_weight".
	Code string
	// Message says what was wrong and what is allowed, for people.
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the sentinel that belongs to the status.
func (e *Error) Unwrap() error {
	switch e.Status {
	case 400:
		return ErrInvalid
	case 404:
		return ErrNotFound
	case 409:
		return ErrConflict
	case 413:
		return ErrTooLarge
	case 429:
		return ErrOverloaded
	case 503:
		return ErrUnavailable
	}
	return ErrInternal
}

// Invalid returns an [*Error] of status 400.
func Invalid(code, format string, args ...any) *Error { return refuse(400, code, format, args) }

// NotFound returns an [*Error] of status 404.
func NotFound(code, format string, args ...any) *Error { return refuse(404, code, format, args) }

// Conflict returns an [*Error] of status 409.
func Conflict(code, format string, args ...any) *Error { return refuse(409, code, format, args) }

// TooLarge returns an [*Error] of status 413.
func TooLarge(code, format string, args ...any) *Error { return refuse(413, code, format, args) }

// Overloaded returns an [*Error] of status 429.
func Overloaded(code, format string, args ...any) *Error { return refuse(429, code, format, args) }

// Unavailable returns an [*Error] of status 503.
func Unavailable(code, format string, args ...any) *Error { return refuse(503, code, format, args) }

func refuse(status int, code, format string, args []any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// The ends of a task other than completed, for those who wait for one.
var (
	// ErrTaskFailed: the task ended as failed.
	ErrTaskFailed = errors.New("task failed")
	// ErrTaskCancelled: the task was cancelled.
	ErrTaskCancelled = errors.New("task cancelled")
	// ErrTaskTimedOut: the task timed out or expired.
	ErrTaskTimedOut = errors.New("task timed out")
)

// ErrPermanent is what an error made by [Permanent] matches.
var ErrPermanent = errors.New("permanent failure")

// Permanent marks err as one that no further attempt will mend: a handler that
// returns it ends its task. A nil err stays nil. The result unwraps to err and
// matches [ErrPermanent].
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string   { return e.err.Error() }
func (e *permanentError) Unwrap() []error { return []error{e.err, ErrPermanent} }
