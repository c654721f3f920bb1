package rawjson

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Shape says which objects in the JSON of a Go type have fixed names: those that
// encoding/json reads into structs. Nil stands for a type without any. A Shape does not
// change once it is made, and may be used concurrently.
type Shape struct {
	// fields are the names of a struct, each with the shape of its value.
	fields map[string]*Shape
	// each is the shape of the entries of a list, or of the values of a map.
	each   *Shape
	opened byte // '{' or '[', with which the value begins
}

// ShapeOf returns the shape of the type. Types that read their JSON themselves are taken
// for having no names.
func ShapeOf(t reflect.Type) *Shape {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return ShapeOf(t.Elem())
	case reflect.Slice, reflect.Array:
		return shapeOfEach(t.Elem(), '[')
	case reflect.Map:
		return shapeOfEach(t.Elem(), '{')
	case reflect.Struct:
		s := &Shape{fields: map[string]*Shape{}, opened: '{'}
		s.addFields(t)
		return s
	}
	return nil
}

func shapeOfEach(t reflect.Type, opened byte) *Shape {
	if each := ShapeOf(t); each != nil {
		return &Shape{each: each, opened: opened}
	}
	return nil
}

// addFields adds the fields of a struct, the outer before those of embedded structs,
// which they hide.
func (s *Shape) addFields(t reflect.Type) {
	var embedded []reflect.Type
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			embedded = append(embedded, f.Type)
			continue
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		if _, hidden := s.fields[name]; !hidden {
			s.fields[name] = ShapeOf(f.Type)
		}
	}
	for _, e := range embedded {
		s.addFields(e)
	}
}

// Exact returns body as it is to be given to [json.Unmarshal], so that a name counts only
// if it is written exactly as the field's. That function also takes "ID" and, with the
// letter U+017F, "ſteps". Names that are no field's are overwritten with dashes, in a copy,
// whose length is that of body; mostly there are none, and body itself is returned.
func (s *Shape) Exact(body []byte) []byte {
	if s == nil {
		return body
	}
	exact := body
	s.walk(body, func(start, end int, _ trail) bool {
		if _, ok := skipString(body[start-1 : end+1]); !ok {
			return false // it is not JSON, and must not become it
		}
		if &exact[0] == &body[0] {
			exact = slices.Clone(body)
		}
		for i := start; i < end; i++ {
			exact[i] = '-'
		}
		return true
	})
	return exact
}

// Unmarshal is [json.Unmarshal] into a value of the shape s, with exact names.
func (s *Shape) Unmarshal(body []byte, into any) error { return json.Unmarshal(s.Exact(body), into) }

// Unknown is a name in an object that has no such field.
type Unknown struct {
	// Path leads to the object, with the name at its end: "steps[1].kindd".
	Path string
	Name string
	// Known are the names that the object may have, sorted.
	Known []string
}

// Unknown returns the first name in body that is no field's, in the order in which they
// are written. ok is false if there is none, or body is not JSON.
func (s *Shape) Unknown(body []byte) (first Unknown, ok bool) {
	if s == nil {
		return Unknown{}, false
	}
	s.walk(body, func(start, end int, at trail) bool {
		first, ok = Unknown{Name: unquote(body[start:end]), Known: at.shape.names()}, true
		first.Path = at.path() + first.Name
		return false
	})
	return first, ok
}

func (s *Shape) names() []string {
	names := make([]string, 0, len(s.fields))
	for name := range s.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// unquote returns what stands between the quotes of a JSON string.
func unquote(quoted []byte) string {
	if !slices.Contains(quoted, '\\') {
		return string(quoted)
	}
	var name string
	_ = json.Unmarshal(slices.Concat([]byte{'"'}, quoted, []byte{'"'}), &name) // it was scanned as a string
	return name
}
