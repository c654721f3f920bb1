package subjects

import (
	"encoding/json"
	"reflect"
	"testing"

	ha "github.com/seed261fe303/ha"
)

func TestStreamAck(t *testing.T) {
	for reply, want := range map[string]string{
		`{"stream":"EVERYTHING", "seq":17}`: "EVERYTHING", `{"stream":"S", "domain":"hub", "seq":1, "duplicate": true}`: "S", ` { "seq" : 1 , "stream" : "S" } `: "S",
		`{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"S","seq":0}`: "S",
		`{"id":"t"}`: "", ``: "", ` `: "", `[{"stream":"S","seq":1}]`: "", `{"ok":true}`: "", `{"stream":"S"}`: "", `{"seq":1}`: "", `{"stream":7,"seq":1}`: "", `{"Stream":"S","Seq":1}`: "",
		`{"id":"t","payload":{"stream":"S","seq":1}}`: "", `{"name":"d","mark":{"seq":5,"epoch":3},"role":"stream"}`: "", `"stream""seq"`: "", `{"stream":"S","seq":1`: "", `{"stream":"S","seq":-1}`: "",
	} {
		if got, is := StreamAck([]byte(reply)); got != want || is != (want != "") {
			t.Errorf("%s: got %q, %t", reply, got, is)
		}
	}
	// No reply has both fields, so that none is taken for an acknowledgement.
	for _, r := range Requests() {
		for _, f := range r.Forms {
			if f.Reply.Kind() != reflect.Struct {
				continue
			}
			_, stream := shapes[f.Reply].Unknown([]byte(`{"stream":"S"}`))
			_, seq := shapes[f.Reply].Unknown([]byte(`{"seq":1}`))
			if !stream && !seq {
				t.Errorf("a reply to %s may look like an acknowledgement", r.Name)
			}
		}
	}
	body, err := json.Marshal(ha.TaskRecord{ID: "stream", Kind: "seq"})
	if _, is := StreamAck(body); is || err != nil {
		t.Errorf("%s is taken for an acknowledgement, %v", body, err)
	}
}
