package subjects

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// rawTwin is twin for a message that carries JSON of others. Our encoders pass that
// on as it is; encoding/json takes out the blanks, and escapes some characters.
func rawTwin(t *testing.T, byHand []byte, message any, passed ...json.RawMessage) {
	t.Helper()
	for _, raw := range passed {
		if !bytes.Contains(byHand, raw) {
			t.Errorf("%s\ndoes not pass on %s", byHand, raw)
		}
	}
	var compact, escaped bytes.Buffer
	if err := json.Compact(&compact, byHand); err != nil {
		t.Fatalf("by hand %s: %v", byHand, err)
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	twin(t, escaped.Bytes(), message)
}

// FuzzTaskEncoders is FuzzEncoders for what is said of tasks. raw is a payload, a
// result or metadata, which is JSON by the time that it gets there.
func FuzzTaskEncoders(f *testing.F) {
	f.Add("t7-42", "resize", "east", []byte(`{ "a" : [1.50, "<&>"] }`), "größe <nil> \u2028", 3, int64(30_000), 12.5, uint8(0xff))
	f.Add("t", "k", "", []byte(``), "", 0, int64(0), 0.0, uint8(0))
	f.Add("t", "k", "p", []byte(`null`), "\x00\xff", -1, int64(-1), math.Copysign(0, -1), uint8(0x55))
	f.Add("t", "k", "p", []byte("[\n]"), "\"", math.MaxInt, int64(math.MaxInt64), 1e-9, uint8(0xaa))
	f.Add("t", "k", "p", []byte(`"\u2028`+"\u2028"+`"`), "line\nline", 1, int64(1), 1e21, uint8(0x0f))
	f.Fuzz(func(t *testing.T, id, kind, pool string, raw []byte, text string, n int, ms int64, percent float64, flags uint8) {
		for _, token := range []string{id, kind, pool} {
			if token != "" && !ha.ValidToken(token) {
				return
			}
		}
		if !ValidJSON(raw) {
			raw = nil
		}
		if math.IsNaN(percent) || math.IsInf(percent, 0) {
			return
		}
		flag := func(i int) bool { return flags>>i&1 == 1 }
		checkTaskOrder(t, id, kind, pool, raw, text, n, ms, flag)
		checkTaskReports(t, id, raw, text, n, flag)
		e := Event{
			At: time.Unix(0, ms).UTC(), Task: ha.TaskID(id), Kind: kind, Pool: pool, Attempt: n, Step: n / 2, Percent: percent, Text: text,
			Reason: kind, Activation: ha.ActivationID(pool),
		}
		twin(t, AppendEvent(nil, e), e)
	})
}

func checkTaskOrder(t *testing.T, id, kind, pool string, raw []byte, text string, n int, ms int64, flag func(int) bool) {
	t.Helper()
	task := WorkTask{ID: ha.TaskID(id), Kind: kind, Payload: raw, Attempt: n, TimeoutMS: ha.Millis(ms), Pool: pool}
	if flag(0) {
		task.Step, task.Steps = n, n/2
	}
	if flag(5) {
		task.Failures, task.Priority, task.SubmittedAt = n/3, -n, time.Unix(0, ms).UTC()
	}
	if flag(1) {
		task.Labels = map[string]string{"b": text, "a": "", pool: kind, "größe": "<" + text}
	}
	if flag(2) {
		task.Metadata = raw
	}
	if flag(3) {
		task.Upstream = []ha.Upstream{{ID: task.ID, State: ha.TaskCompleted, Result: raw}, {ID: "x", State: ha.TaskFailed, Omitted: flag(4)}}
	}
	a := Activate{ID: ha.WorkerID(id), Order: OrderActivate, Epoch: ha.Epoch(ms), Work: []Work{
		{Activation: "a7-1", Task: &task}, {Activation: "a7-2"}, {Activation: "a7-3", Task: &task},
	}}
	body := AppendActivate(nil, a)
	rawTwin(t, body, a, raw, task.Metadata)
	rawTwin(t, AppendWork(nil, &a.Work[0]), a.Work[0], raw)
	if checkCanonical(t, body); id == "" {
		return
	}
	got, err := DecodeActivate(body)
	want := Activate{}
	if json.Unmarshal(body, &want) != nil || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwas read as %+v, %v", body, got, err)
	}
}

func checkTaskReports(t *testing.T, id string, raw []byte, text string, n int, flag func(int) bool) {
	t.Helper()
	a := Available{}
	if flag(0) {
		a.Message = text
	}
	if flag(1) {
		a.Finished = append(a.Finished, Finished{Activation: ha.ActivationID(id), Outcome: ha.OutcomeFailed, Error: text, Permanent: flag(2)})
	}
	if flag(3) {
		a.Finished = append(a.Finished, Finished{Activation: "a1", Outcome: ha.OutcomeDone, Result: raw})
	}
	body := AppendAvailable(nil, a)
	rawTwin(t, body, a)
	checkCanonical(t, body)
	s := Submitted{Duplicate: flag(4)}
	if flag(5) {
		s.ID = ha.TaskID(id)
	}
	if flag(6) {
		s.Error = &ErrorDetail{Status: n, Code: id, Message: text}
	}
	twin(t, AppendSubmitted(nil, s), s)
}

// TestWhatIsWrittenByHandIsReadByHand: the two short cuts meet.
func TestWhatIsWrittenByHandIsReadByHand(t *testing.T) {
	var full WorkTask
	if err := json.Unmarshal([]byte(fullWorkTask), &full); err != nil {
		t.Fatal(err)
	}
	a := orderOf(3)
	a.Work[1].Task = &full
	for _, body := range [][]byte{
		AppendActivate(nil, a),
		AppendAvailable(nil, Available{Message: "i_am_available", Finished: []Finished{
			{Activation: "a1", Outcome: ha.OutcomeFailed, Error: "größe\n<nil>\u2028\xff", Permanent: true},
			{Activation: "a2", Outcome: ha.OutcomeDone, Result: json.RawMessage(`{ "a" : [1.50, "<&>"] }`)},
		}}),
	} {
		if !checkCanonical(t, body) {
			t.Errorf("not read by hand: %s", body)
		}
	}
}
