package subjects

import (
	"encoding/json"
	"errors"
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
	return byHand
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"running":[]}`, `{"running":["a7-42","a7-43"]}`, `{"running":["a7-42",]}`, `{"running":["a\u0041"]}`, `{"running":[""]}`,
		`{"running":["a"]}}`, `{"running":["a"],"cpu":1}`, `{"running":[,"a"]}`,
		`{"message":"i_am_available","finished":[{"activation":"a7-42","outcome":"done"}]}`,
		`{"finished":[{"activation":"a7-42","outcome":"failed"},{"activation":"a7-43","outcome":"rejected"}]}`,
		`{"finished":[{"activation":"a7-42","outcome":"lost"}]}`, `{"finished":[]}`, `{"finished":[{"activation":"a7-42","outcome":"done","error":"x"}]}`,
		`{"finished":[{"activation":"é","outcome":"done"}]}`, `{"finished":[{"activation":"a7-42","outcome":"done"}]} `,
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
	for _, message := range []any{
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
	entry := `{"activation":"` + strings.Repeat("a", MaxToken) + `","outcome":"cancelled"}`
	for body, status := range map[string]int{
		`{"finished":[` + strings.Repeat(entry+",", MaxListed-1) + entry + `]}`: 0,
		`{"finished":[` + strings.Repeat(entry+",", MaxListed) + entry + `]}`:   413,
		strings.Replace(`{"finished":[`+entry+`]}`, "aa", "aaa", 1):             400,
	} {
		_, err := DecodeAvailable([]byte(body))
		checkStatus(t, err, status)
	}
	for body, status := range map[string]int{
		`{"running":[` + strings.Repeat(`"a",`, MaxListed-1) + `"a"]}`: 0,
		`{"running":[` + strings.Repeat(`"a",`, MaxListed) + `"a"]}`:   413,
		`{"running":["` + strings.Repeat("a", MaxToken+1) + `"]}`:      400,
	} {
		_, err := DecodeHeartbeat([]byte(body))
		checkStatus(t, err, status)
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
