package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// Visit calls fn with the name and the value of every field of r, in the order of the
// bytes. Fields that r does not have are left out, and of byte slices only the length
// is shown.
func Visit(r Record, fn func(name string, value any)) {
	r.fields(&Codec{mode: showing, visit: fn})
}

// Field is one field of a record as people see it.
type Field struct {
	Name  string
	Value any
}

// Object is the fields of a record, or of a part of one, in their order.
type Object []Field

// Show returns the fields of r as people see them.
func Show(r Record) (o Object) {
	Visit(r, func(name string, value any) { o = append(o, Field{name, value}) })
	return o
}

// MarshalJSON returns the object as JSON. It leaves out empty strings and the zero time,
// but keeps numbers that are 0, false, and empty lists.
func (o Object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for _, f := range o {
		if f.empty() {
			continue
		}
		if v := reflect.ValueOf(f.Value); v.Kind() == reflect.Slice && v.IsNil() {
			f.Value = []struct{}{}
		}
		value, err := json.Marshal(f.Value)
		if err != nil {
			return nil, fmt.Errorf("encode field %s: %w", f.Name, err)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, f.Name...)
		out = append(out, '"', ':')
		out = append(out, bytes.TrimSpace(value)...)
	}
	return append(out, '}'), nil
}

func (f Field) empty() bool {
	switch v := reflect.ValueOf(f.Value); v.Kind() {
	case reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return v.IsZero()
	}
	return false
}
