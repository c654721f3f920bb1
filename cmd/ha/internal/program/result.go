package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
)

// resultOf makes a task's result of what the program wrote: JSON as it is, any
// other text as a JSON string without the line feed at its end, nothing of
// nothing. What it cannot make one of will not be one in another attempt either.
func resultOf(out []byte) (json.RawMessage, error) {
	if !utf8.Valid(out) {
		return nil, errors.New("standard output, which is the result, is neither JSON nor UTF-8 text; write it as base64, for example")
	}
	result := bytes.TrimSpace(out)
	if len(result) > 0 && !json.Valid(result) {
		text := bytes.TrimSuffix(bytes.TrimSuffix(out, []byte("\n")), []byte("\r"))
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(string(text)); err != nil {
			return nil, fmt.Errorf("encode the standard output: %w", err)
		}
		result = bytes.TrimSpace(b.Bytes())
	}
	if len(result) > ha.MaxPayload {
		return nil, fmt.Errorf("standard output, which is the result, is over %d bytes: it takes %d as JSON", ha.MaxPayload, len(result))
	}
	if len(result) == 0 {
		return nil, nil
	}
	return bytes.Clone(result), nil
}
