package audit

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

func TestRecordsAreFlatJSON(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	entry := func(data []byte) journal.Stored {
		e := journal.Entry{Type: journal.EntryRecords, Epoch: 7, Number: 2, Node: "d1", Data: data}
		return journal.Stored{Seq: 12, At: at, Data: journal.AppendEntry(nil, e)}
	}
	registered := &record.Registered{At: at.Add(time.Second), Order: 3, Worker: "9f2c", Weight: 6, Slots: 1, Name: "east", Pools: []string{"default"}}
	const head = `{"seq":12,"index":0,"epoch":7,"node":"d1","kind":"batch"`
	const tail = `"at":"2030-01-02T03:04:05Z"}`
	for name, c := range map[string]struct {
		stored journal.Stored
		want   string
	}{
		"no records": {entry(nil), head + `,` + tail},
		"registered": {entry(book.Encode(registered)),
			head + `,"record":"registered","worker":"9f2c","order":3,"weight":6,"slots":1,"name":"east","pools":["default"],"at":"2030-01-02T03:04:06Z"}`},
		"ended": {entry(book.Encode(&record.Ended{Worker: "9f2c", Number: 42, Outcome: ha.OutcomeFailed})),
			head + `,"record":"ended","worker":"9f2c","number":42,"outcome":"failed",` + tail},
		"removed": {entry(book.Encode(&record.Removed{Worker: "9f2c", Why: record.RemovedBye})),
			head + `,"record":"removed","worker":"9f2c","why":"bye",` + tail},
		"history": {entry(book.Encode(&record.History{First: true})),
			head + `,"record":"history","tasks":false,"first":true,"orders":[],` + tail},
		"unknown type": {entry([]byte{1, 99}),
			head + `,"problem":"decode record: unknown kind 99: corrupt record",` + tail},
		"unreadable": {journal.Stored{Seq: 13, At: at},
			`{"seq":13,"index":0,"epoch":0,"node":"","kind":"void","problem":"not an entry of this journal",` + tail},
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			err := records(new(journal.Sieve), c.stored, func(r Record) (err error) {
				got, err = json.Marshal(r)
				return err
			})
			if err == nil {
				err = says(c.want, string(got))
			}
			if err != nil {
				t.Errorf("%v\n got %s\nwant %s", err, got, c.want)
			}
		})
	}
}

// TestEveryRecordIsDescribed wants each kind of record to have a name, and no
// field to hide another one.
func TestEveryRecordIsDescribed(t *testing.T) {
	b := book.Write(t)
	seen := map[string]bool{}
	var sieve journal.Sieve
	for _, e := range b.Entries {
		s := journal.Stored{Seq: e.Seq, Data: journal.AppendEntry(nil, e)}
		if err := records(&sieve, s, func(r Record) error {
			seen[r.Record] = true
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			return noFieldTwice(line)
		}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"elected", "registered", "removed", "activated", "ended", "begun", "restored", "history", "totals"} {
		if !seen[name] {
			t.Errorf("no record is called %s: %v", name, seen)
		}
	}
}

// says returns an error unless the object got says all that want says. It may have more
// fields, in another order, and may leave out what is empty.
func says(want, got string) error {
	var wanted, given map[string]any
	for text, into := range map[string]*map[string]any{want: &wanted, got: &given} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return err
		}
	}
	return covers("record", wanted, given)
}

func covers(name string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for field, value := range w {
			if err := covers(field, value, g[field]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, _ := got.([]any)
		if len(w) != len(g) {
			break
		}
		for i := range w {
			if err := covers(name, w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if list, ok := got.([]any); ok && len(list) == 0 {
		got = nil
	}
	if got == nil && (want == nil || want == "" || want == false || want == 0.0 || want == "0001-01-01T00:00:00Z") || reflect.DeepEqual(want, got) {
		return nil
	}
	return fmt.Errorf("%s is %v, want %v", name, got, want)
}

// noFieldTwice looks at the names of an object, not at those within.
func noFieldTwice(line []byte) error {
	d := json.NewDecoder(strings.NewReader(string(line)))
	seen := map[string]bool{}
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if seen[fmt.Sprint(name)] {
			return fmt.Errorf("%v comes twice in %s", name, line)
		}
		seen[fmt.Sprint(name)] = true
	}
	return nil
}
