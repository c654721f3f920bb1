package client_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// TestCallsAreInTheTable: each request that a client sends has a form that the table of
// requests gives it, and each request on tasks has a call.
func TestCallsAreInTheTable(t *testing.T) {
	called := map[string]bool{}
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			f := newFake(t).listen()
			c, _ := f.client(client.Config{})
			if err := call.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(subjects.Requests(), func(r subjects.Request) bool {
				return r.Topic == subjects.TopicTask && r.What == call.what
			})
			if i < 0 {
				t.Fatalf("%s is no request of the table", call.what)
			}
			r := subjects.Requests()[i]
			called[r.Name] = true
			for _, body := range f.seen(call.what) {
				if !slices.ContainsFunc(r.Forms, func(form subjects.Form) bool { return isA(form.Request, body) }) {
					t.Errorf("%s has no such form: %s", r.Name, body)
				}
			}
		})
	}
	for _, r := range subjects.Requests() {
		if r.Topic == subjects.TopicTask && !called[r.Name] {
			t.Errorf("no call sends %s", r.Name)
		}
	}
}

// isA reports whether body is a message of that type, with no field besides.
func isA(message reflect.Type, body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(message).Interface()) == nil
}
