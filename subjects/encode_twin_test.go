package subjects

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// twin wants what an encoder wrote by hand to be what encoding/json writes.
func twin(t *testing.T, byHand []byte, message any) {
	t.Helper()
	want, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(byHand, want) {
		t.Errorf("by hand  %s\nby json  %s", byHand, want)
	}
}

// FuzzEncoders gives them tokens for ids, names and outcomes, as their contract
// says, and anything at all for texts.
func FuzzEncoders(f *testing.F) {
	f.Add("9f2c4e0011223344", "a7-42", "east-1", "done", "", int64(3), uint64(7), int64(1_700_000_000_123_456_789), uint8(0))
	f.Add("9f2c", "", "", "", "panic: <nil> \"&\" \u2028\n\x00\xff", int64(0), uint64(1)<<63, int64(1_700_000_000_000_000_000), uint8(2))
	f.Add("w", "a1", "n", "failed", "é", int64(1_000_000), uint64(0), int64(0), uint8(5))
	f.Fuzz(func(t *testing.T, worker, activation, name, outcome, text string, weight int64, epoch uint64, nanos int64, n uint8) {
		for _, token := range []string{worker, activation, name, outcome} {
			if token != "" && !ha.ValidToken(token) {
				return
			}
		}
		a := Activate{ID: ha.WorkerID(worker), Order: Order(name), Epoch: ha.Epoch(epoch)}
		ok := OK{OK: true}
		for range n % 8 {
			a.Work = append(a.Work, Work{Activation: ha.ActivationID(activation)})
			ok.Ignored = append(ok.Ignored, ha.ActivationID(activation))
		}
		twin(t, AppendActivate(nil, a), a)
		twin(t, AppendOK(nil, ok.Ignored), ok)
		twin(t, AppendHeartbeatReply(nil, a.Epoch), HeartbeatReply{OK: true, Epoch: a.Epoch})
		e := Event{
			At: time.Unix(0, nanos).UTC(), Epoch: a.Epoch, Worker: a.ID, Name: name, Weight: ha.Weight(weight),
			Activation: ha.ActivationID(activation), Outcome: ha.Outcome(outcome), Error: text, Reason: text, Dispatcher: name,
		}
		twin(t, AppendEvent(nil, e), e)
	})
}

func TestEncodersAppend(t *testing.T) {
	const before = "before "
	if got := string(AppendOK([]byte(before), nil)); got != before+`{"ok":true}` {
		t.Errorf("got %q", got)
	}
}
