package tasks

import (
	"io"

	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// PrintJSON writes what is known of a task as JSON on a line of its own. Payload, result
// and metadata are in it as they were submitted, byte for byte, even over several lines:
// what is shown can be submitted again, and is the same, unless it has characters that
// act on a terminal: these are written as escapes that mean the same.
func PrintJSON(w io.Writer, message any) error {
	body, err := subjects.EncodeReply(message)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text.EscapeJSON(body)+"\n")
	return err
}
