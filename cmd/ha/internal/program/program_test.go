package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

func TestWhatAProgramDoesIsTheResultOrTheFailure(t *testing.T) {
	for name, c := range map[string]struct {
		command   string
		payload   string
		result    string // empty: none
		failure   string // in the error
		permanent bool
	}{
		"JSON as it is":           {command: `printf '{"b": 1,\n "a": [2]}\n'`, result: "{\"b\": 1,\n \"a\": [2]}"},
		"payload in, result out":  {command: "cat", payload: `{"a":1}`, result: `{"a":1}`},
		"a number":                {command: "echo 42", result: "42"},
		"text":                    {command: `printf 'two <lines>\nof "text"\n'`, result: `"two <lines>\nof \"text\""`},
		"text, one line feed cut": {command: `printf ' a\n\n'`, result: `" a\n"`},
		"text from DOS":           {command: `printf 'a\r\n'`, result: `"a"`},
		"nothing":                 {command: "cat", result: ""},
		"a line feed is nothing":  {command: "echo", result: ""},
		"status":                  {command: "echo broken >&2; exit 3", failure: "exit status 3: broken"},
		"status alone":            {command: "echo half; exit 1", failure: "exit status 1"},
		"permanent":               {command: "echo bad data >&2; exit 65", failure: "exit status 65: bad data", permanent: true},
		"signal":                  {command: "kill -SEGV $$", failure: "signal: segmentation fault"},
		"no such program":         {command: "./nowhere", failure: "nowhere"},
		"neither text nor JSON":   {command: `printf '\377\376'`, failure: "base64", permanent: true},
		"too much in the end":     {command: "yes | head -c 262145 | tr -d '\n'; printf 'aaaaaaaaaa%.0s' $(seq 20000)", failure: "over 262144 bytes", permanent: true},
		"too much without end":    {command: "yes", failure: "over 262144 bytes", permanent: true},
		"too much once quoted":    {command: `yes '"' | head -n 100000`, failure: "over 262144 bytes: it takes", permanent: true},
		"as much as may be":       {command: `head -c 262142 /dev/zero | tr '\0' x`, result: `"` + strings.Repeat("x", 262142) + `"`},
		"not all input is read":   {command: "head -c 3", payload: strings.Repeat("7", ha.MaxPayload), result: "777"},
		"no input is read":        {command: "exec 0<&-; echo 1", payload: strings.Repeat("7", ha.MaxPayload), result: "1"},
		"all input is read":       {command: "cat", payload: strings.Repeat("7", ha.MaxPayload), result: strings.Repeat("7", ha.MaxPayload)},
		"output after the end":    {command: `(sleep 0.02; echo '"late"') &`, result: `"late"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newRunner(t, c.command).Handle(t.Context(), ha.Task{Payload: json.RawMessage(c.payload)})
			raw, _ := got.(json.RawMessage)
			if string(raw) != c.result || (got == nil) != (c.result == "") {
				t.Errorf("result %.100q, want %.100q", raw, c.result)
			}
			if (err == nil) != (c.failure == "") || err != nil && !strings.Contains(err.Error(), c.failure) {
				t.Errorf("error %v, want %q", err, c.failure)
			}
			if errors.Is(err, ha.ErrPermanent) != c.permanent {
				t.Errorf("permanent: %v, want %v: %v", !c.permanent, c.permanent, err)
			}
		})
	}
}

func TestTheEndOfStandardErrorIsKept(t *testing.T) {
	r := newRunner(t, `seq 100000 >&2; printf 'the \342\202\254nd' >&2; exit 7`)
	_, err := r.Handle(t.Context(), ha.Task{})
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if !strings.HasPrefix(text, "exit status 7: …") || !strings.HasSuffix(text, "99999\n100000\nthe €nd") {
		t.Errorf("error %.40q … %.40q", text, text[max(0, len(text)-40):])
	}
	if len(text) > subjects.MaxError || len(text) < subjects.MaxError-200 {
		t.Errorf("%d bytes are kept, which is to be just within the %d that the protocol carries", len(text), subjects.MaxError)
	}
}

func TestProgressLinesAreReportedAndNoPartOfTheError(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	r := newRunner(t, `
		echo progress 0 >&2
		echo first >&2
		echo "progress 12.5% half of  a quarter " >&2
		echo progress 100 done >&2
		echo progress 101 no >&2
		echo in progress 5 >&2
		printf 'progress 7 unended' >&2
		exit 1`, func(c *Config) {
		c.Progress = func(_ context.Context, percent float64, text string) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%g|%s", percent, text))
		}
	})
	_, err := r.Handle(t.Context(), ha.Task{})
	if want := "exit status 1: first\nprogress 101 no\nin progress 5"; err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if want := []string{"0|", "12.5|half of  a quarter", "100|done", "7|unended"}; !slices.Equal(seen, want) {
		t.Errorf("progress %q, want %q", seen, want)
	}
}

// However the pipe cuts the text, lines are lines.
func TestErrorTextIsTheSameInAnyPieces(t *testing.T) {
	text := "one\nprogress 5 five\n" + strings.Repeat("long ", 2000) + "progress 6 no line of its own\nprogress 7\nend"
	collect := func(size int) (tail string, seen []float64) {
		e := &errorText{progress: func(p float64, _ string) { seen = append(seen, p) }}
		for piece := range slices.Chunk([]byte(text), size) {
			if n, err := e.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		e.flush()
		return e.suffix(), seen
	}
	wantTail, wantSeen := collect(len(text))
	if !slices.Equal(wantSeen, []float64{5, 7}) || !strings.HasSuffix(wantTail, "no line of its own\nend") {
		t.Fatalf("progress %v, tail … %q", wantSeen, wantTail[len(wantTail)-40:])
	}
	for _, size := range []int{1, 2, 3, 7, 64, 4095, 4096, 4097} {
		if tail, seen := collect(size); tail != wantTail || !slices.Equal(seen, wantSeen) {
			t.Errorf("in pieces of %d: progress %v, tail of %d bytes", size, seen, len(tail))
		}
	}
}

func TestAProgramKnowsItsTask(t *testing.T) {
	r := newRunner(t, "env", func(c *Config) {
		c.Environ = append(os.Environ(), "HA_TASK_ID=another", "HA_TASK_LABEL_old=1", "HA_SERVER=nats://h")
	})
	got, err := r.Handle(t.Context(), ha.Task{
		ID: "t7-42", Kind: "resize", Pool: "gpu", Attempt: 3, Failures: 1, Priority: -2, SubmittedAt: time.Unix(1, 5).UTC(), Step: 1, Steps: 4, Timeout: 1500 * time.Millisecond,
		Labels: map[string]string{"user-id": "a b", "Q": "zero\x00", "a-b": "1", "a_b": "2", "c-d_e": "3", "c_d-e": "4"}, Metadata: json.RawMessage(`{"m":1}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var text string
	raw, _ := got.(json.RawMessage)
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	for _, want := range []string{
		"HA_TASK_ID=t7-42", "HA_TASK_KIND=resize", "HA_TASK_POOL=gpu", "HA_TASK_ATTEMPT=3", "HA_TASK_FAILURES=1", "HA_TASK_PRIORITY=-2", "HA_TASK_SUBMITTED_AT=1970-01-01T00:00:01.000000005Z", "HA_TASK_STEP=1", "HA_TASK_STEPS=4",
		"HA_TASK_TIMEOUT_MS=1500", "HA_TASK_LABEL_user_id=a b", "HA_TASK_LABEL_Q=zero", "HA_TASK_LABEL_a_b=2", "HA_TASK_LABEL_c_d_e=3",
		`HA_TASK_LABELS={"Q":"zero\u0000","a-b":"1","a_b":"2","c-d_e":"3","c_d-e":"4","user-id":"a b"}`, `HA_TASK_METADATA={"m":1}`, "HA_SERVER=nats://h",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not among\n%s", want, text)
		}
	}
	for _, variable := range []string{"HA_TASK_LABEL_a_b=", "HA_TASK_LABEL_c_d_e="} {
		if n := strings.Count(text, variable); n != 1 {
			t.Errorf("%d times %s in\n%s", n, variable, text)
		}
	}
	if bytes.Contains(raw, []byte("another")) || bytes.Contains(raw, []byte("LABEL_old")) {
		t.Errorf("it is told of another task:\n%s", text)
	}
}
