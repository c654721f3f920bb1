package rawjson

import (
	"encoding/json"
	"strconv"
)

// The functions of this file append to dst a field, whose name with all that comes
// before the value is given as it is written, and its value. Values that encoding/json
// leaves out for "omitempty" are left out here too.

// AppendRaw appends a value that is JSON already, or nothing if it is empty.
func AppendRaw(dst []byte, field string, raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return dst
	}
	return append(append(dst, field...), raw...)
}

// AppendInt appends a whole number, or nothing if it is 0.
func AppendInt(dst []byte, field string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, field...), n, 10)
}

// AppendToken appends a token, or nothing if it is empty. The field ends with the
// token's opening quote.
func AppendToken(dst []byte, field, token string) []byte {
	if token == "" {
		return dst
	}
	dst = append(dst, field...)
	dst = append(dst, token...)
	return append(dst, '"')
}

// AppendText appends any text, escaped, or nothing if it is empty.
func AppendText(dst []byte, field, text string) []byte {
	if text == "" {
		return dst
	}
	return AppendQuoted(append(dst, field...), text)
}

// AppendQuoted appends text as a JSON string.
func AppendQuoted(dst []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string always marshals
	return append(dst, quoted...)
}

// AppendComma appends what separates a field from the one before, if there is one:
// dst does not end with the beginning of an object.
func AppendComma(dst []byte) []byte {
	if dst[len(dst)-1] == '{' {
		return dst
	}
	return append(dst, ',')
}
