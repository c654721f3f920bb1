package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type leaf struct {
	Kind  string   `json:"kind"`
	Steps int      `json:"steps,omitempty"`
	Skip  []string `json:"-"`
	Other *leaf2   `json:"other"`
}

type leaf2 struct {
	Task string `json:"task"`
}

type tree struct {
	leaf
	Steps  []leaf            `json:"steps"`
	ByName map[string]leaf   `json:"by_name"`
	Labels map[string]string `json:"labels"`
	Raw    json.RawMessage   `json:"raw"`
	At     time.Time         `json:"at"`
	Any    any               `json:"any"`
	Plain  int
}

var treeShape = ShapeOf(reflect.TypeFor[tree]())

// without returns the value that text says, in which the names that t has no field for,
// letter by letter, are left out: what Exact does by scanning, done with maps.
func without(t *testing.T, text []byte, typ reflect.Type) []byte {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if reflect.PointerTo(typ).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return text
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	switch first, err := decoder.Token(); {
	case err != nil:
		return text
	case first == json.Delim('[') && typ.Kind() == reflect.Slice:
		var parts [][]byte
		for decoder.More() {
			var entry json.RawMessage
			must(t, decoder.Decode(&entry))
			parts = append(parts, without(t, entry, typ.Elem()))
		}
		return slices.Concat([]byte{'['}, bytes.Join(parts, []byte{','}), []byte{']'})
	case first == json.Delim('{') && (typ.Kind() == reflect.Struct || typ.Kind() == reflect.Map):
		var parts [][]byte
		for decoder.More() {
			token, err := decoder.Token()
			must(t, err)
			name := fmt.Sprint(token)
			var value json.RawMessage
			must(t, decoder.Decode(&value))
			of, known := visible(typ, name)
			if !known {
				continue
			}
			quoted, err := json.Marshal(name)
			must(t, err)
			parts = append(parts, slices.Concat(quoted, []byte{':'}, without(t, value, of)))
		}
		return slices.Concat([]byte{'{'}, bytes.Join(parts, []byte{','}), []byte{'}'})
	}
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// visible returns the type of what stands under that name.
func visible(typ reflect.Type, name string) (reflect.Type, bool) {
	if typ.Kind() == reflect.Map {
		return typ.Elem(), true
	}
	depth, found := 0, reflect.Type(nil)
	for _, f := range reflect.VisibleFields(typ) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || tag == "-" || (tag != name && (tag != "" || f.Name != name)) {
			continue
		}
		if found == nil || len(f.Index) < depth {
			depth, found = len(f.Index), f.Type
		}
	}
	return found, found != nil
}

// FuzzExact holds exact names against the twin above: both decode to the same.
func FuzzExact(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"kind":"a"}`, `{"KIND":"a"}`, `{"kind":"a","Kind":"b"}`, `{"Kind":"a","kind":"b"}`, `{"\u006bind":"a"}`, `{"\u004bind":"a"}`,
		`{"ſteps":[{"kind":"a"}]}`, "{\"\u212aind\":\"a\"}", `{"\u017fteps":[1]}`, `{"steps":[{"KIND":"x","kind":"y"},{"Steps":5,"other":{"tasK":"z","task":"q"}}]}`,
		`{"by_name":{"KIND":{"kind":"1"},"x":{"KIND":"2"}},"By_Name":{"a":{"kind":"b"}}}`, `{"labels":{"KIND":"x"},"LABELS":{"a":"b"}}`, `{"raw":{"KIND":1},"RAW":2}`,
		`{"at":"2030-01-01T00:00:00Z","AT":"x"}`, `{"any":{"KIND":1},"ANY":[1]}`, `{"Plain":1,"plain":2}`, `{"skip":["x"],"Skip":["y"],"-":1}`, `{"OTHER":{"task":"x"},"other":null}`,
		`{"":1,"--":2}`, ` { "kind" : "a" , "x" : [ { "kind" : 1 } , "}" , 1.5 ] , "Steps" : [ ] } `, `{"steps":[[{"KIND":1}],{"other":[{"TASK":1}]}]}`, `{"x":"\\\"","KIND":"\\"}`,
		`{"steps":[{"kind":"a"`, `{"KIND"`, `{"KIND":1,}`, `[{"KIND":1}]`, `{"steps":[}`, `{"steps":[,]}`, `{"a":]`, `{"a":}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		exact := treeShape.Exact(body)
		if len(exact) != len(body) {
			t.Fatalf("%q became %q, of another length", body, exact)
		}
		var got, want tree
		if !json.Valid(body) {
			if treeShape.Unmarshal(body, &got) == nil {
				t.Errorf("%q was taken", body)
			}
			return
		}
		twin := without(t, body, reflect.TypeFor[tree]())
		gotErr, wantErr := treeShape.Unmarshal(body, &got), json.Unmarshal(twin, &want)
		if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(normalized(got), normalized(want)) {
			t.Errorf("%q\ngot  %+v, %v\nwant %+v, %v", body, got, gotErr, want, wantErr)
		}
		_, unknown := treeShape.Unknown(body)
		if masked := &exact; len(body) > 0 && unknown != (&(*masked)[0] != &body[0]) {
			t.Errorf("%q: unknown name %t, but it became %q", body, unknown, exact)
		}
	})
}

// normalized is t without what the twin's way of writing changes.
func normalized(t tree) tree {
	if len(t.Raw) > 0 {
		t.Raw = json.RawMessage("raw")
	}
	return t
}

func TestUnknown(t *testing.T) {
	for body, want := range map[string]string{
		`{"kind":"a","steps":[{"kind":"x"}],"labels":{"x":"y"}}`: "",
		`{"kinds":"a"}`: "kinds", `{"KIND":"a"}`: "KIND", `{"\u004bind":1}`: "Kind",
		`{"steps":[{"kind":"x"},{"kindd":"y"}]}`:      "steps[1].kindd",
		`{"steps":[{"other":{"tusk":1}}]}`:            "steps[0].other.tusk",
		`{"by_name":{"x":{"kind":"a"},"y":{"q":1}}}`:  "by_name.y.q",
		`{"raw":{"q":1},"any":{"q":1},"at":{"q":1}}`:  "",
		`{"one":1,"two":2}`:                           "one",
		`[{"q":1}]`:                                   "",
		`{"kind":"a","x":` + strings.Repeat("[", 500): "x",
	} {
		got, ok := treeShape.Unknown([]byte(body))
		if got.Path != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t; want %q", body, got.Path, ok, want)
		}
		if ok && !slices.IsSorted(got.Known) {
			t.Errorf("%s: known names %q", body, got.Known)
		}
	}
	list := ShapeOf(reflect.TypeFor[[]tree]())
	if got, _ := list.Unknown([]byte(`[{},{"labels":{}},{"steps":[{"x":1}]}]`)); got.Path != "[2].steps[0].x" || got.Name != "x" || len(got.Known) != 3 {
		t.Errorf("got %+v", got)
	}
	if s := ShapeOf(reflect.TypeFor[map[string]int]()); s != nil || string(s.Exact([]byte("x"))) != "x" {
		t.Error("a map of numbers has a shape")
	}
}
