package subjects

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// TestTaskArrayIsWhatEncodingJSONWrites for any tasks and limits, and takes as many
// tasks as fit.
func TestTaskArrayIsWhatEncodingJSONWrites(t *testing.T) {
	dice := rand.New(rand.NewPCG(7, 7))
	var a TaskArray
	for range 200 {
		a.Reset()
		limit, in := 2+dice.IntN(400), []ha.TaskSpec{}
		for range dice.IntN(6) {
			s := ha.TaskSpec{ID: "t", Kind: strings.Repeat("k", 1+dice.IntN(60)), Priority: dice.IntN(2)}
			next, err := json.Marshal(append(in, s))
			if err != nil {
				t.Fatal(err)
			}
			added, err := a.Add(&s, limit)
			if want := len(in) == 0 || len(next) <= limit; err != nil || added != want {
				t.Fatalf("limit %d, %d bytes: added %t, %v", limit, len(next), added, err)
			}
			if added {
				in = append(in, s)
			}
		}
		want, err := json.Marshal(in)
		if got := a.Body(); err != nil || !bytes.Equal(got, want) || a.Len() != len(in) {
			t.Fatalf("got %d: %s\nwant %s, %v", a.Len(), got, want, err)
		}
	}
}

func TestTaskArrayOfTasksThatWereWrittenBefore(t *testing.T) {
	var a TaskArray
	a.Grow(100)
	for _, task := range []string{`{"id":"a","kind":"k"}`, `{"id":"b","kind":"k"}`} {
		a.AddJSON([]byte(task))
	}
	if got := string(a.Body()); got != `[{"id":"a","kind":"k"},{"id":"b","kind":"k"}]` {
		t.Errorf("got %s", got)
	}
	// Body may be asked for, and the array go on.
	if _, err := a.Add(&ha.TaskSpec{ID: "c", Kind: "k"}, math.MaxInt); err != nil {
		t.Fatal(err)
	}
	if list, many, err := DecodeSubmit(a.Body()); err != nil || !many || len(list) != 3 {
		t.Errorf("%s was read as %d tasks, %t, %v", a.Body(), len(list), many, err)
	}
}

// TestATaskWithoutAnIDIsWritten, whatever its first field is.
func TestATaskWithoutAnIDIsWritten(t *testing.T) {
	for _, s := range []ha.TaskSpec{
		{Kind: "k"}, {Kind: "k", Payload: json.RawMessage(`1`)}, {Pool: "p"}, {Payload: json.RawMessage(`[]`)}, {Steps: []ha.Step{{Kind: "s"}}},
		{Metadata: json.RawMessage(`{}`)}, {},
	} {
		got, err := AppendTask([]byte("x"), &s)
		want, _ := json.Marshal(&s)
		if err != nil || string(got) != "x"+string(want) {
			t.Errorf("got %s, %v; want x%s", got, err, want)
		}
	}
}

func TestBatchesAreWrittenAsTheyAreRead(t *testing.T) {
	for _, r := range []BatchRequest{
		{Name: "night"}, {Name: "night", Close: true},
		{Name: "night", Close: true, Then: &ha.TaskSpec{ID: "t", Kind: "mail", AfterBatch: "night", Payload: json.RawMessage(`{"a": "<>"}`)}},
	} {
		body, err := AppendBatch(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeBatch(body); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%s was read as %+v, %v; want %+v", body, got, err, r)
		}
	}
	if body, _ := AppendBatch(nil, BatchRequest{Name: "a\"<\n"}); string(body) != `{"name":"a\"\u003c\n"}` {
		t.Errorf("a name that is none is written as %s", body)
	}
}

// TestLimitsThatJSONCannotSay are refused, though no decoder meets them.
func TestLimitsThatJSONCannotSay(t *testing.T) {
	for _, rate := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var refusal *ha.Error
		if err := CheckLimit(ha.Limit{Kind: "k", Rate: rate}); !errors.As(err, &refusal) || refusal.Code != "invalid_limit" {
			t.Errorf("a rate of %g: %v", rate, err)
		}
	}
	if err := CheckLimit(ha.Limit{Kind: "k", Rate: 0.5}); err != nil {
		t.Error(err)
	}
}

// TestAccepted: the quick look at a reply takes nothing that says more, or less.
func TestAccepted(t *testing.T) {
	ids := []ha.TaskID{"a", "bb"}
	id := func(i int) ha.TaskID { return ids[i] }
	for body, want := range map[string]bool{
		`[{"id":"a"},{"id":"bb"}]`: true, `[{"id":"bb"},{"id":"a"}]`: false, `[{"id":"a"}]`: false, `[{"id":"a"},{"id":"bb"}`: false,
		`[{"id":"a"},{"id":"bb"},{"id":"c"}]`: false, `[{"id":"a"},{"id":"bb","duplicate":true}]`: false, `[]`: false, ``: false, `[{"id":"a"},{"id":"bb"}]x`: false,
	} {
		if got := AllAccepted([]byte(body), len(ids), id); got != want {
			t.Errorf("AllAccepted(%s) = %t", body, got)
		}
	}
	for body, want := range map[string]bool{`{"id":"a"}`: true, `{"id":"b"}`: false, `{"id":"a"}}`: false, `{"id":"a","duplicate":true}`: false, `{"id":"`: false} {
		if got := Accepted([]byte(body), "a"); got != want {
			t.Errorf("Accepted(%s) = %t", body, got)
		}
	}
}
