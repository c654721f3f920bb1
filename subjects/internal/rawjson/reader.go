package rawjson

import (
	"bytes"
	"encoding/json"

	ha "github.com/seed261fe303/ha"
)

// Reader takes a body apart from its beginning. What it reads shares the memory of the
// body. A method that does not find what it reads leaves Rest in any state: the
// message is then for encoding/json.
type Reader struct {
	// Rest is what has not been read yet.
	Rest []byte
}

// Skip passes over text if it comes next, and reports whether it did.
func (r *Reader) Skip(text string) bool {
	if len(r.Rest) < len(text) || string(r.Rest[:len(text)]) != text {
		return false
	}
	r.Rest = r.Rest[len(text):]
	return true
}

// Token reads a token and the quote after it. It returns the empty string if there is
// no token.
func (r *Reader) Token() string {
	end := bytes.IndexByte(r.Rest[:min(len(r.Rest), ha.MaxToken+1)], '"')
	if end < 0 {
		return ""
	}
	token := string(r.Rest[:end])
	if !ha.ValidToken(token) {
		return ""
	}
	r.Rest = r.Rest[end+1:]
	return token
}

// TokenLike is Token for one that is most often the same as the last, which it keeps
// in last and whose memory it then shares.
func (r *Reader) TokenLike(last *string) string {
	n := len(*last)
	if n > 0 && len(r.Rest) > n && r.Rest[n] == '"' && string(r.Rest[:n]) == *last {
		r.Rest = r.Rest[n+1:]
		return *last
	}
	token := r.Token()
	if token != "" {
		*last = token
	}
	return token
}

// Into has encoding/json read any JSON value into the field of a message that to
// points to, whose shape is given. What was read into it before is what it finds, as in
// one go.
func (r *Reader) Into(to any, shape *Shape) bool {
	raw, ok := r.Value()
	return ok && shape.Unmarshal(raw, to) == nil
}

// Text is Into for a string of its own, which is all that then needs memory.
func (r *Reader) Text() (text string, ok bool) {
	var read string
	ok = r.Into(&read, nil)
	return read, ok
}

// Value reads any JSON value. If it returns false, it is for encoding/json to say what
// that is. null counts as no value, as it does there if a pointer or a slice is read.
func (r *Reader) Value() (raw json.RawMessage, ok bool) {
	rest, ok := SkipValue(r.Rest)
	if !ok {
		return nil, false
	}
	end := len(r.Rest) - len(rest)
	raw = json.RawMessage(r.Rest[:end:end]) // nobody who appends to it reaches what follows
	r.Rest = rest
	return raw, true
}

// Number reads a whole number of at most 15 digits. -0 is left to encoding/json,
// which takes it for what may be negative.
func (r *Reader) Number() (n int64, ok bool) {
	b := r.Rest
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	i := 0
	for i < len(b) && i < 16 && '0' <= b[i] && b[i] <= '9' {
		n = 10*n + int64(b[i]-'0')
		i++
	}
	if i == 0 || i == 16 || negative && n == 0 || i > 1 && b[0] == '0' || i < len(b) && (b[i] == '.' || b[i] == 'e' || b[i] == 'E') {
		return 0, false
	}
	r.Rest = b[i:]
	if negative {
		n = -n
	}
	return n, true
}

// CountObjects returns about how many objects body lists.
func CountObjects(body []byte) int { return 1 + bytes.Count(body, []byte(`},{`)) }
