package subjects

import (
	"errors"
	"fmt"
	"testing"

	ha "github.com/seed261fe303/ha"
)

func TestARefusalArrivesAsItWasMade(t *testing.T) {
	for _, sent := range []*ha.Error{
		ha.Invalid("invalid_weight", "weight must be <1>, got %s", Quote("é\n")),
		ha.NotFound("unknown_worker", "no worker x"),
		ha.Conflict("not_yours", "not yours"),
		ha.TooLarge("body_too_large", "too large"),
		ha.Overloaded("too_many_workers", "full"),
		ha.Unavailable("not_leading", "try again"),
	} {
		refusal, body := EncodeError(fmt.Errorf("hello: %w", sent))
		if refusal != sent {
			t.Errorf("EncodeError found %+v, want %+v", refusal, sent)
		}
		err := DecodeReply(fmt.Sprint(refusal.Status), body, &OK{})
		var got *ha.Error
		if !errors.As(err, &got) || *got != *sent {
			t.Errorf("got %+v, want %+v", got, sent)
		}
		if !errors.Is(err, sent.Unwrap()) {
			t.Errorf("%v does not match its sentinel %v", err, sent.Unwrap())
		}
	}
}

func TestAnyOtherErrorIsInternal(t *testing.T) {
	refusal, body := EncodeError(errors.New("disk full"))
	if refusal.Status != 500 || !errors.Is(refusal, ha.ErrInternal) {
		t.Errorf("got %+v, want status 500", refusal)
	}
	if want := `{"error":{"code":"internal","message":"disk full"}}`; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
}

func TestRepliesThatAreNotTheProtocols(t *testing.T) {
	for _, c := range []struct {
		header, body string
		status       int
		code, text   string
	}{
		{"404", "", 404, "unknown", "refused with status 404"},
		{"503", "<html>", 503, "unknown", "refused with status 503"},
		{"429", `{"error":"busy"}`, 429, "unknown", "refused with status 429"},
		{"4o4", `{}`, 500, "unknown", "refused with status 4o4"},
		{"", "", 400, "invalid_reply", "reply is not the expected JSON: body must be a JSON object: unexpected end of JSON input (byte 0)"},
		{"", `{"id":7}`, 400, "invalid_reply", "reply is not the expected JSON: id must be a string, got a JSON number"},
		{"", `[]`, 400, "invalid_reply", "reply is not the expected JSON: body must be an object, got a JSON array"},
	} {
		t.Run(c.header, func(t *testing.T) {
			err := DecodeReply(c.header, []byte(c.body), &HelloReply{})
			var got *ha.Error
			if !errors.As(err, &got) || got.Status != c.status || got.Code != c.code || got.Message != c.text {
				t.Errorf("DecodeReply(%q, %q)\n got %+v\nwant %d %s %q", c.header, c.body, got, c.status, c.code, c.text)
				return
			}
			checkReadable(t, got.Message)
		})
	}
}

func TestAReplyIsDecoded(t *testing.T) {
	var reply HelloReply
	err := DecodeReply("", []byte(`{"id":"9f2c","heartbeat_ms":5000,"activate":"ha.activate","epoch":7,"later":true}`), &reply)
	want := HelloReply{ID: "9f2c", HeartbeatMS: 5000, Activate: "ha.activate", Epoch: 7}
	if err != nil || reply != want {
		t.Errorf("got %+v, %v; want %+v", reply, err, want)
	}
}

func TestHeaderTextIsOneLine(t *testing.T) {
	for message, want := range map[string]string{
		"weight must be 1":     "weight must be 1",
		"a\r\nNats-Evil: b":    "a  Nats-Evil: b",
		"größe… (10240 bytes)": "größe… (10240 bytes)",
		"a\x00\x7fb":           "a  b",
	} {
		t.Run(message, func(t *testing.T) {
			if got := HeaderText(message); got != want {
				t.Errorf("HeaderText(%q) = %q, want %q", message, got, want)
			}
		})
	}
}
