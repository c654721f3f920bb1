package rawjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// Explain says what encoding/json found wrong when it decoded into the value that into
// points to, without its words for Go types. The error has the status 400.
func Explain(err error, into any) *ha.Error {
	if refusal, ok := errors.AsType[*ha.Error](err); ok {
		return refusal // a type that reads itself said what is wrong
	}
	if wrong, ok := errors.AsType[*time.ParseError](err); ok {
		return ha.Invalid("invalid_time", "a time must be written like \"2006-01-02T15:04:05Z\", got %s", text.Quote(wrong.Value))
	}
	wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok && strings.Contains(err.Error(), "Time.UnmarshalJSON"):
		return ha.Invalid("invalid_time", "a time must be written like \"2006-01-02T15:04:05Z\", as a string")
	case !ok:
		return ha.Invalid("invalid_json", "body must be a JSON object: %s", syntaxProblem(err))
	}
	field, of := fieldAt(reflect.TypeOf(into), wrongType.Field)
	switch wanted := wrongType.Type.Kind(); {
	case field == "":
		field = "body"
	case of == reflect.Slice && wanted != reflect.Slice:
		field = "each entry of " + field
	case of == reflect.Map && wanted != reflect.Map:
		field = "each value of " + field
	}
	return ha.Invalid("invalid_type", "%s must be %s, got a JSON %s", field, jsonName(wrongType.Type.Kind()), text.Abbreviate(wrongType.Value))
}

// fieldAt returns the name on the wire of the field at path, and what kind of Go type
// holds it. encoding/json names embedded structs in a path, which the wire does not.
func fieldAt(t reflect.Type, path string) (name string, kind reflect.Kind) {
	var names []string
	for part := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		f, ok := fieldNamed(t, part)
		if !ok {
			return path, reflect.Invalid
		}
		if t = f.Type; !f.Anonymous {
			names = append(names, part)
		}
	}
	return strings.Join(names, "."), t.Kind()
}

// fieldNamed returns the field of a struct that has that name on the wire, or is a
// struct of that name which is embedded.
func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name && name != "" || f.Anonymous && f.Name == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func syntaxProblem(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	if strings.Contains(text, "max depth") {
		text = "nested more than 10000 levels deep"
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		text += fmt.Sprintf(" (byte %d)", syntax.Offset)
	}
	return text
}

// jsonName says a kind of Go type in the words of JSON.
func jsonName(kind reflect.Kind) string {
	switch kind {
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Int, reflect.Int64:
		return "a whole number, written without fraction or exponent"
	case reflect.Uint, reflect.Uint64:
		return "a whole number from 0, written without fraction or exponent"
	case reflect.Float64:
		return "a number within ±1.7e308"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a string"
}
