package client_test

import (
	"fmt"
	"strconv"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// listing answers as a dispatcher that holds so many tasks does; its pages may be
// shorter than asked for, and the second is empty.
func listing(t *testing.T, total int) script {
	return func(n int, body []byte) any {
		r, after, err := subjects.DecodeList(body)
		if err != nil {
			return err
		}
		if r.Kind != "k" || r.Pool != "p" || r.Batch != "b" || r.State != ha.TaskFailed {
			t.Errorf("asked for %+v", r)
		}
		page := subjects.TaskPage{}
		first, last := int(after), min(int(after)+min(r.Limit, 700), total)
		if n == 1 {
			last = first
			return subjects.TaskPage{Next: "00" + strconv.Itoa(last)} // the same place, as another cursor
		}
		for i := first; i < last; i++ {
			page.Tasks = append(page.Tasks, ha.TaskRecord{ID: ha.TaskID(fmt.Sprintf("t%d", i))})
		}
		if last < total {
			page.Next = strconv.Itoa(last)
		}
		return page
	}
}

func TestList(t *testing.T) {
	filter := client.Filter{Kind: "k", Pool: "p", Batch: "b", State: ha.TaskFailed}
	for _, tc := range []struct{ total, stop, requests int }{
		{0, -1, 1}, {100, -1, 1}, {101, -1, 3}, {3000, -1, 7}, {3000, 0, 1}, {3000, 99, 1}, {3000, 100, 3},
	} {
		t.Run(fmt.Sprintf("%d of %d", tc.stop, tc.total), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on(subjects.TaskList, listing(t, tc.total)).listen()
			c, _ := f.client(client.Config{})
			i := 0
			for record, err := range c.List(t.Context(), filter) {
				if err != nil || record.ID != ha.TaskID(fmt.Sprintf("t%d", i)) {
					t.Fatalf("number %d: %s, %v", i, record.ID, err)
				}
				if i == tc.stop {
					break
				}
				i++
			}
			if want := tc.stop; i != want && (want >= 0 || i != tc.total) {
				t.Errorf("yielded %d", i)
			}
			if n := len(f.seen(subjects.TaskList)); n != tc.requests {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestListEndsWithAnError that comes between two pages, or where the pages go round.
func TestListEndsWithAnError(t *testing.T) {
	for name, second := range map[string]any{
		"refused": ha.Invalid("invalid_cursor", "no"),
		"again":   subjects.TaskPage{Tasks: []ha.TaskRecord{{ID: "t2"}}, Next: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on(subjects.TaskList, func(n int, _ []byte) any {
				if n == 0 {
					return subjects.TaskPage{Tasks: []ha.TaskRecord{{ID: "t1"}}, Next: "1"}
				}
				return second
			}).listen()
			c, _ := f.client(client.Config{})
			good, bad := 0, 0
			for _, err := range c.List(t.Context(), client.Filter{}) {
				if err != nil {
					bad++
				} else {
					good++
				}
			}
			if good != 1 || bad != 1 {
				t.Errorf("%s: %d tasks, %d errors", name, good, bad)
			}
		})
	}
}
