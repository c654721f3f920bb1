package subjects

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// checkCanonical wants the two readers of one message to agree: what is read by
// hand is what encoding/json makes of it, and not refused.
func checkCanonical(t *testing.T, body []byte) (byHand bool) {
	t.Helper()
	if quick, ok := readAvailable(body); ok {
		byHand = true
		if slow, err := decodeAvailable(body); err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%q\nby hand %+v\nby json %+v, %v", body, quick, slow, err)
		}
	}
	if quick, ok := readHeartbeat(body); ok {
		byHand = true
		if slow, err := decodeHeartbeat(body); err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%q\nby hand %+v\nby json %+v, %v", body, quick, slow, err)
		}
	}
	if quick, ok := readActivate(body); ok {
		byHand = true
		if slow, err := decodeActivate(body); err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%q\nby hand %+v\nby json %+v, %v", body, quick, slow, err)
		}
	}
	return byHand
}

// fullWorkTask has every field that the task of an activation may have.
const fullWorkTask = `{"id":"t7-1","kind":"resize","payload":{"a":[1,"\u2028"]},"attempt":2,"timeout_ms":30000,"pool":"east","step":1,"steps":3,` +
	`"labels":{"tenant":"größe","x":""},"metadata":{"by":null},"upstream":[{"id":"t7-0","state":"completed","result":[1]},{"id":"u","state":"failed","omitted":true}]}`

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"running":[]}`, `{"running":["a7-42","a7-43"]}`, `{"running":["a7-42",]}`, `{"running":["a\u0041"]}`, `{"running":[""]}`,
		`{"running":["a"]}}`, `{"running":["a"],"cpu":1}`, `{"running":[,"a"]}`,
		`{"message":"i_am_available","finished":[{"activation":"a7-42","outcome":"done"}]}`,
		`{"finished":[{"activation":"a7-42","outcome":"failed"},{"activation":"a7-43","outcome":"rejected"}]}`,
		`{"finished":[{"activation":"a7-42","outcome":"lost"}]}`, `{"finished":[]}`, `{"finished":[{"activation":"a7-42","outcome":"done","error":"x"}]}`,
		`{"finished":[{"activation":"é","outcome":"done"}]}`, `{"finished":[{"activation":"a7-42","outcome":"done"}]} `,
		`{"finished":[{"activation":"a7-42","outcome":"done","result":{"a":[1,2.50,"<\u00e9"]}},{"activation":"a7-43","outcome":"done","result":null}]}`,
		`{"finished":[{"activation":"a","outcome":"failed","error":"no\n<\ud800>","permanent":true},{"activation":"b","outcome":"failed","error":null}]}`,
		`{"finished":[{"activation":"a","outcome":"failed","permanent":false}]}`, `{"finished":[{"activation":"a","outcome":"done","result":01}]}`,
		`{"finished":[{"activation":"a","outcome":"done","result":"` + "\xff" + `"}]}`, `{"finished":[{"activation":"a","outcome":"done"},]}`,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a7-42"},{"activation":"a7-43"}]}`,
		`{"id":"9f2c","order":"activate","epoch":-0,"work":[{"activation":"a7-42"}]}`, `{"id":"9f2c","order":"activate","epoch":1e1,"work":[{"activation":"a"}]}`,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a7-42","task":` + fullWorkTask + `}]}`,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a","task":{"id":"t","kind":"k","payload":null,"attempt":-0,"timeout_ms":007}}]}`,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a","task":{"id":"t","kind":"k","attempt":1,"timeout_ms":1,"labels":{"a":1}}}]}`,
		`{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a","task":null}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkCanonical(t, body) })
}

// TestWhatAWorkerWritesIsReadByHand: else the short cut would be of no use.
func TestWhatAWorkerWritesIsReadByHand(t *testing.T) {
	ids := make([]ha.ActivationID, MaxListed)
	finished := make([]Finished, MaxListed)
	for i := range ids {
		ids[i] = "a7-42"
		finished[i] = Finished{Activation: ids[i], Outcome: ha.OutcomeDone}
	}
	results, failures := make([]Finished, 20), make([]Finished, 20)
	work := make([]Work, 20)
	for i := range results {
		results[i] = Finished{Activation: ids[i], Outcome: ha.OutcomeDone, Result: json.RawMessage(`{"n":[1,2.5e3,null],"é":"<&>"}`)}
		failures[i] = Finished{Activation: ids[i], Outcome: ha.OutcomeFailed, Error: "panic: \"é\"\n<nil>", Permanent: i%2 == 0}
		work[i] = Work{Activation: ids[i], Task: &WorkTask{ID: "t", Kind: "k", Attempt: i, TimeoutMS: 1}}
	}
	full := new(WorkTask)
	if err := json.Unmarshal([]byte(fullWorkTask), full); err != nil {
		t.Fatal(err)
	}
	work[7].Task, work[8].Task = full, nil
	for _, message := range []any{
		Available{Finished: results}, Available{Finished: failures}, Available{Finished: append(failures, results...)},
		Activate{ID: "9f2c", Order: OrderActivate, Epoch: 7, Work: work[8:9]}, Activate{ID: "9f2c", Order: OrderActivate, Work: work},
		Heartbeat{Running: []ha.ActivationID{}}, Heartbeat{Running: ids[:1]}, Heartbeat{Running: ids},
		Available{Finished: finished[:1]}, Available{Message: "i_am_available", Finished: finished[:2]}, Available{Finished: finished},
	} {
		body, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if !checkCanonical(t, body) {
			t.Errorf("not read by hand: %.200s", body)
		}
	}
}

// TestTheShortCutKeepsTheLimits of lists, tokens and bodies.
func TestTheShortCutKeepsTheLimits(t *testing.T) {
	entry := `{"activation":"` + strings.Repeat("a", ha.MaxToken) + `","outcome":"cancelled"}`
	for body, status := range map[string]int{
		`{"finished":[` + strings.Repeat(entry+",", MaxListed-1) + entry + `]}`: 0,
		`{"finished":[` + strings.Repeat(entry+",", MaxListed) + entry + `]}`:   413,
		strings.Replace(`{"finished":[`+entry+`]}`, "aa", "aaa", 1):             400,
	} {
		t.Run(body, func(t *testing.T) {
			_, err := DecodeAvailable([]byte(body))
			checkStatus(t, err, status)
		})
	}
	for body, status := range map[string]int{
		`{"running":[` + strings.Repeat(`"a",`, MaxListed-1) + `"a"]}`: 0,
		`{"running":[` + strings.Repeat(`"a",`, MaxListed) + `"a"]}`:   413,
		`{"running":["` + strings.Repeat("a", ha.MaxToken+1) + `"]}`:   400,
	} {
		t.Run(body, func(t *testing.T) {
			_, err := DecodeHeartbeat([]byte(body))
			checkStatus(t, err, status)
		})
	}
	result := func(n int) string {
		return `{"finished":[{"activation":"a","outcome":"done","result":"` + strings.Repeat("x", n-2) + `"}]}`
	}
	for body, status := range map[string]int{
		result(ha.MaxPayload): 0, result(ha.MaxPayload + 1): 413, result(MaxBody + 1): 413,
		strings.Replace(result(ha.MaxPayload), `"result":`, `"error":"no","result":`, 1): 0,
	} {
		t.Run(body, func(t *testing.T) {
			_, err := DecodeAvailable([]byte(body))
			checkStatus(t, err, status)
		})
	}
	order := `{"id":"9f2c","order":"activate","epoch":7,"work":[{"activation":"a","task":{"id":"t","kind":"k","payload":"","attempt":1,"timeout_ms":1}}]}`
	for n, status := range map[int]int{MaxBody - len(order): 0, MaxBody - len(order) + 1: 413} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			_, err := DecodeActivate([]byte(strings.Replace(order, `""`, `"`+strings.Repeat("x", n)+`"`, 1)))
			checkStatus(t, err, status)
		})
	}
}

// TestALongErrorIsCutWhoeverReadsIt: the short cut must leave it to the decoder that cuts.
func TestALongErrorIsCutWhoeverReadsIt(t *testing.T) {
	for n, want := range map[int]int{MaxError: MaxError, MaxError + 1: MaxError} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			body := AppendAvailable(nil, Available{Finished: []Finished{{Activation: "a", Outcome: ha.OutcomeFailed, Error: strings.Repeat("x", n)}}})
			if a, err := DecodeAvailable(body); err != nil || len(a.Finished[0].Error) != want {
				t.Errorf("an error of %d bytes came as %+.100v, %v", n, a, err)
			}
		})
	}
}

// TestWhatIsReadByHandEndsWhereItsValueEnds: who appends to a payload must not
// write over what follows it in the message.
func TestWhatIsReadByHandEndsWhereItsValueEnds(t *testing.T) {
	list, _, err := DecodeSubmit([]byte(`[{"kind":"k","payload":[1],"metadata":[2]},{"kind":"k"}]`))
	if err != nil {
		t.Fatal(err)
	}
	spec := list[0].Spec
	_ = append(spec.Payload, strings.Repeat("!", 20)...)
	if string(spec.Metadata) != "[2]" {
		t.Errorf("metadata became %s", spec.Metadata)
	}
}

// checkStatus wants a refusal of that status; 0: none.
func checkStatus(t *testing.T, err error, status int) {
	t.Helper()
	var refusal *ha.Error
	if status == 0 && err != nil || status != 0 && (!errors.As(err, &refusal) || refusal.Status != status) {
		t.Errorf("got %v, want status %d", err, status)
	}
}

func BenchmarkDecode(b *testing.B) {
	available := []byte(`{"message":"i_am_available","finished":[{"activation":"acs9d2k1-1234567","outcome":"done"}]}`)
	heartbeat := []byte(`{"running":["acs9d2k1-1234567"]}`)
	for name, decode := range map[string]func() error{
		"available/hand": func() error { _, err := DecodeAvailable(available); return err },
		"available/json": func() error { _, err := decodeAvailable(available); return err },
		"heartbeat/hand": func() error { _, err := DecodeHeartbeat(heartbeat); return err },
		"heartbeat/json": func() error { _, err := decodeHeartbeat(heartbeat); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
