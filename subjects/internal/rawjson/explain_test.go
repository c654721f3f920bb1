package rawjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

type inner struct {
	Count int               `json:"count"`
	Names []string          `json:"names"`
	Tags  map[string]string `json:"tags"`
	At    time.Time         `json:"at"`
}

type embedded struct {
	Text string   `json:"text"`
	List []string `json:"list"`
}

type message struct {
	embedded
	Inner  *inner          `json:"inner"`
	Inners []inner         `json:"inners"`
	Raw    json.RawMessage `json:"raw"`
}

// TestExplain: what is wrong is said in the words of the wire, wherever it stands.
func TestExplain(t *testing.T) {
	const whole, time = "a whole number, written without fraction or exponent", `a time must be written like "2006-01-02T15:04:05Z"`
	for body, want := range map[string]string{
		`{"text":1}`:                  "text must be a string, got a JSON number",
		`{"list":"x"}`:                "list must be an array, got a JSON string",
		`{"list":[1]}`:                "each entry of list must be a string, got a JSON number",
		`{"inner":[]}`:                "inner must be an object, got a JSON array",
		`{"inner":{"count":1.5}}`:     "inner.count must be " + whole + ", got a JSON number 1.5",
		`{"inner":{"names":{}}}`:      "inner.names must be an array, got a JSON object",
		`{"inner":{"names":[true]}}`:  "each entry of inner.names must be a string, got a JSON bool",
		`{"inner":{"tags":[]}}`:       "inner.tags must be an object, got a JSON array",
		`{"inner":{"tags":{"a":1}}}`:  "each value of inner.tags must be a string, got a JSON number",
		`{"inner":{"at":"tomorrow"}}`: time + `, got "tomorrow"`,
		`{"inner":{"at":5}}`:          time + ", as a string",
		`{"inners":{}}`:               "inners must be an array, got a JSON object",
		`{"inners":[1]}`:              "each entry of inners must be an object, got a JSON number",
		`{"inners":[{"count":"x"}]}`:  "inners.count must be " + whole + ", got a JSON string",
		`[]`:                          "body must be an object, got a JSON array",
		`{"text"}`:                    "body must be a JSON object: invalid character '}' after object key (byte 8)",
		`{"inner":{"count":` + strings.Repeat("9", 200) + `}}`: "inner.count must be " + whole + ", got a JSON number " + strings.Repeat("9", 73) + "… (207 bytes)",
	} {
		var m message
		err := json.Unmarshal([]byte(body), &m)
		if err == nil {
			t.Errorf("%s is not wrong", body)
			continue
		}
		if got := Explain(err, &m); got.Message != want || got.Status != 400 {
			t.Errorf("%.60s\ngot  %s\nwant %s", body, got.Message, want)
		}
	}
	var list []inner
	err := json.Unmarshal([]byte(`[1]`), &list)
	if got := Explain(err, &list); got.Message != "body must be an object, got a JSON number" {
		t.Errorf("got %s", got.Message)
	}
	if _, ok := errors.AsType[*ha.Error](error(Explain(errors.New("other"), &list))); !ok {
		t.Error("an error of another kind is not explained")
	}
}
