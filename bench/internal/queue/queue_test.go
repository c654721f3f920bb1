package queue

import (
	"encoding/json"
	"testing"
	"time"
)

func TestPayloadsHave200Bytes(t *testing.T) {
	at := time.Now().UnixNano()
	for name, v := range map[string]any{"plain": NewPayload(at), "of River": riverArgs(NewPayload(at))} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) != 200 {
				t.Errorf("%s: %d bytes: %s", name, len(raw), raw)
			}
			if p, err := DecodePayload(raw); err != nil || p.At != at {
				t.Errorf("%s: read %+v, %v", name, p, err)
			}
		})
	}
}

func TestUnknownSystemsAreRefused(t *testing.T) {
	if _, err := NewProducer(t.Context(), Settings{System: "kafka"}); err == nil {
		t.Error("a producer was made")
	}
	if _, err := NewWorker(t.Context(), Settings{System: "kafka"}, nil); err == nil {
		t.Error("a worker was made")
	}
}
