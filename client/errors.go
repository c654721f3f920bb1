package client

import (
	"errors"
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// ErrDropped is in the sequence of [Client.Watch] in place of events that are missing.
var ErrDropped = errors.New("events dropped")

// NotUniqueError refuses a task because another one that has not ended holds its
// unique key. It matches [ha.ErrConflict]. Take it out of an error with [errors.As].
type NotUniqueError struct {
	// Holder is the task that holds the key.
	Holder ha.TaskID
	// Refusal is the dispatcher's, of the code "not_unique".
	Refusal *ha.Error
}

// Error returns the dispatcher's message.
func (e *NotUniqueError) Error() string { return e.Refusal.Error() }

// Unwrap returns the refusal.
func (e *NotUniqueError) Unwrap() error { return e.Refusal }

const codeNotUnique = "not_unique"

// notUnique completes a refusal with the holder of the unique key, if that is what it is
// about.
func notUnique(refusal *ha.Error, holder ha.TaskID) error {
	if refusal.Code != codeNotUnique {
		return refusal
	}
	return &NotUniqueError{Holder: holder, Refusal: refusal}
}

// addHolder is notUnique for the reply about one task, which names the holder in the
// body beside the refusal.
func addHolder(err error, body []byte) error {
	refusal, ok := errors.AsType[*ha.Error](err)
	if !ok || refusal.Code != codeNotUnique {
		return err
	}
	var named subjects.TaskRequest
	_ = subjects.DecodeReply("", body, &named) // the refusal was read from it; without an id the holder stays unknown
	return notUnique(refusal, named.ID)
}

// failed says which operation on what failed; an empty name is left out.
func failed(op, name string, err error) error {
	switch {
	case name == "":
		return fmt.Errorf("client: %s: %w", op, err)
	case !ha.ValidToken(name):
		name = subjects.Quote(name) // whatever it is, it stays on one line
	}
	return fmt.Errorf("client: %s %s: %w", op, name, err)
}

// badReply is the error of a reply that cannot be read. It is no refusal, and must not
// pass for one.
func badReply(format string, args ...any) error {
	return fmt.Errorf("%w: the answer cannot be understood: %s", ha.ErrInternal, fmt.Sprintf(format, args...))
}

// decodeReply decodes a reply that is no refusal.
func decodeReply(body []byte, into any) error {
	if err := subjects.DecodeReply("", body, into); err != nil {
		return badReply("%v", err)
	}
	return nil
}
