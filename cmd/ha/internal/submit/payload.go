package submit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

// Payload returns the one payload, nil where there is none.
func (f *Options) Payload(args []string, stdin io.Reader) (json.RawMessage, error) {
	from, raw := f.File, []byte(nil)
	if len(args) > 0 {
		from, raw = args[0], []byte(args[0])
	}
	var err error
	switch {
	case from == "-":
		raw, err = readPayload(stdin, "standard input")
	case f.File != "":
		raw, err = readFile(f.File)
	case len(args) == 0:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.Text && (f.File != "" || from == "-") {
		raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r")) // which end the line, not the text
	}
	return asPayload(raw, f.Text)
}

// asPayload makes a payload of what was given.
func asPayload(raw []byte, text bool) (json.RawMessage, error) {
	if text {
		if !utf8.Valid(raw) {
			return nil, cli.BadUsage("the text must be UTF-8, got %s", subjects.Quote(string(raw)))
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err := e.Encode(string(raw))
		return bytes.TrimSpace(b.Bytes()), err
	}
	if raw = bytes.TrimSpace(raw); !json.Valid(raw) {
		return nil, cli.BadUsage("the payload must be JSON, got %s; with --text it is taken as a JSON string", subjects.Quote(string(raw)))
	}
	return raw, nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return readPayload(file, path)
}

// readPayload reads to the end, but not much more than a payload may be.
func readPayload(r io.Reader, from string) ([]byte, error) {
	const most = 2 * ha.MaxPayload // there may be white space around it
	raw, err := io.ReadAll(io.LimitReader(cli.Text(r), most+1))
	if errors.Is(err, cli.ErrOtherEncoding) {
		return nil, cli.BadUsage("%s: %w", from, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the payload from %s: %w", from, cli.WithoutPath(err))
	}
	if len(raw) > most {
		return nil, ha.TooLarge("payload_too_large", "payload may be at most %d bytes, %s has more", ha.MaxPayload, from)
	}
	return raw, nil
}
