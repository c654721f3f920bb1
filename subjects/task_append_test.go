package subjects

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// everything is a task that says something in each field but RunAt, for which it has a
// Delay.
var everything = ha.TaskSpec{
	ID: "t1", Kind: "resize", Payload: json.RawMessage(`{"a": "<&>"}`), Pool: "gpu", Priority: -7, After: []ha.TaskID{"a", "b"},
	AfterBatch: "day", OnUpstreamFailure: ha.UpstreamRun, Delay: 3_600_000,
	ExpiresAt: time.Date(2031, 1, 2, 3, 4, 5, 6, time.UTC), Timeout: 90, Retry: &ha.Retry{MaxAttempts: 3, Jitter: -1}, UniqueKey: "u",
	ConcurrencyKey: "c", Steps: []ha.Step{{Kind: "one", Partial: true}}, Partial: true, Batch: "night",
	Labels: map[string]string{"a": "<é>"}, Metadata: json.RawMessage(`["<&>", 1.0]`),
}

// readBack is what the dispatcher makes of a task that was written here.
func readBack(t *testing.T, body []byte) ha.TaskSpec {
	t.Helper()
	list, many, err := DecodeSubmit(body)
	if err != nil || many {
		t.Fatalf("%s: %v, %v", body, many, err)
	}
	return *list[0].Spec
}

// TestEveryFieldIsSent: one that is added to the task and forgotten here is noticed,
// alone and among all others.
func TestEveryFieldIsSent(t *testing.T) {
	body, err := AppendTask(nil, &everything)
	if err != nil {
		t.Fatal(err)
	}
	if got := readBack(t, body); !reflect.DeepEqual(got, everything) {
		t.Errorf("sent     %+v\narrived  %+v", everything, got)
	}
	with := everything
	with.RunAt = time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	all := reflect.ValueOf(with)
	for i := range all.NumField() {
		name := all.Type().Field(i).Name
		if all.Field(i).IsZero() {
			t.Errorf("%s is missing in everything", name)
		}
		alone := ha.TaskSpec{ID: "t1", Kind: "resize"}
		reflect.ValueOf(&alone).Elem().Field(i).Set(all.Field(i))
		body, err := AppendTask(nil, &alone)
		if err != nil {
			t.Fatal(err)
		}
		if got := readBack(t, body); !reflect.DeepEqual(got, alone) {
			t.Errorf("%s alone: sent %+v, arrived %+v", name, alone, got)
		}
	}
}

// FuzzTask holds what is written by hand against encoding/json, and against what the
// dispatcher reads.
func FuzzTask(f *testing.F) {
	f.Add("t1", "resize", "gpu", "night", "", []byte(`{"a":[1,2.50,"<&>\u2028\"\\"]}`), 7, int64(90), uint8(0))
	f.Add("", "k", "", "", "u", []byte(" null\n"), -1000, int64(0), uint8(255))
	f.Add("a", "b", "c", "d", "e", []byte("\"é \xe2\x80\xa8\""), 0, int64(1), uint8(1))
	f.Add("a", "", "", "", "", []byte(`{"a":1,"a":2}x`), 0, int64(1), uint8(4))
	f.Fuzz(func(t *testing.T, id, kind, pool, batch, key string, payload []byte, priority int, timeout int64, more uint8) {
		s := ha.TaskSpec{
			ID: ha.TaskID(id), Kind: kind, Pool: pool, Batch: batch, UniqueKey: key, Payload: payload,
			Priority: priority, Timeout: ha.Millis(timeout),
		}
		if more&1 > 0 {
			s.Metadata = payload
		}
		if more&2 > 0 {
			s.After, s.Partial = []ha.TaskID{"x"}, true
		}
		if more&4 > 0 {
			s.Steps = []ha.Step{{Kind: "one"}}
		}
		if more&8 > 0 {
			s.RunAt = time.Unix(timeout, 5).In(time.FixedZone("odd", 25*3600+7))
		}
		if err := PrepareTask(&s); err != nil {
			if _, ok := errors.AsType[*ha.Error](err); !ok || strings.Contains(err.Error(), "\n") {
				t.Errorf("refused with %v", err)
			}
			return
		}
		body, err := AppendTask(nil, &s)
		if err != nil {
			t.Fatal(err)
		}
		got := readBack(t, body)
		if s.RunAt = s.RunAt.UTC(); !reflect.DeepEqual(got, s) {
			t.Errorf("sent     %+v\narrived  %+v\nas %s", s, got, body)
		}
		if plain(&s) {
			var compact, want bytes.Buffer
			if err := json.Compact(&compact, body); err != nil {
				t.Fatal(err)
			}
			byJSON := json.NewEncoder(&want)
			byJSON.SetEscapeHTML(false)
			if err := byJSON.Encode(&s); err != nil {
				t.Fatal(err)
			}
			if compact.String() != strings.TrimSuffix(want.String(), "\n") {
				t.Errorf("by hand  %s\nby json  %s", compact.String(), want.String())
			}
		}
	})
}

func BenchmarkPrepareAndAppend(b *testing.B) {
	payload := json.RawMessage(`{"data":"` + strings.Repeat("x", 190) + `"}`)
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		s := ha.TaskSpec{Kind: "resize", Payload: payload, Pool: "gpu"}
		if err := PrepareTask(&s); err != nil {
			b.Fatal(err)
		}
		body, _ = AppendTask(body[:0], &s)
	}
}
