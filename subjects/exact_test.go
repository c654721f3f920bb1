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

// everyDecoder are the decoders of what comes over the wire.
var everyDecoder = map[string]func([]byte) (any, error){
	"hello":     func(b []byte) (any, error) { return DecodeHello(b) },
	"heartbeat": func(b []byte) (any, error) { return DecodeHeartbeat(b) },
	"available": func(b []byte) (any, error) { return DecodeAvailable(b) },
	"activate":  func(b []byte) (any, error) { return DecodeActivate(b) },
	"task":      func(b []byte) (any, error) { return DecodeTaskRequest(b) },
	"wait":      func(b []byte) (any, error) { return DecodeWait(b) },
	"list":      func(b []byte) (any, error) { r, _, err := DecodeList(b); return r, err },
	"retry":     func(b []byte) (any, error) { return DecodeRetry(b) },
	"pull":      func(b []byte) (any, error) { return DecodePull(b) },
	"pause":     func(b []byte) (any, error) { return DecodePause(b) },
	"limit":     func(b []byte) (any, error) { return DecodeLimit(b) },
	"batch":     func(b []byte) (any, error) { return DecodeBatch(b) },
	"progress":  func(b []byte) (any, error) { return DecodeProgress(b) },
	"submit":    func(b []byte) (any, error) { return submitOne(b) },
	"workers":   func(b []byte) (any, error) { r, _, err := DecodeWorkersRequest(b); return r, err },
	"record":    func(b []byte) (any, error) { var r ha.TaskRecord; err := DecodeReply("", b, &r); return r, err },
	"welcome":   func(b []byte) (any, error) { var r HelloReply; err := DecodeReply("", b, &r); return r, err },
	"status":    func(b []byte) (any, error) { var r Status; err := DecodeReply("", b, &r); return r, err },
	"refusal":   func(b []byte) (any, error) { return nil, DecodeReply("409", b, nil) },
	"event":     func(b []byte) (any, error) { return DecodeEvent(b) },
	"presence":  func(b []byte) (any, error) { return DecodeDispatcher(b) },
}

// folded are ways to write a name that encoding/json takes for it.
func folded(name string) []string {
	return []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], strings.ReplaceAll(name, "s", "ſ"), strings.ReplaceAll(name, "k", "\u212a"), strings.ReplaceAll(name, "s", `\u017f`)}
}

// TestNamesMatchExactly in every message, at every depth: a name in other letters is one
// that nobody knows, whatever stands under it.
func TestNamesMatchExactly(t *testing.T) {
	for decoder, body := range map[string]string{
		"hello": `{"weight":3,"name":"n","pools":["p"],"kinds":["k"],"slots":2,"instance":"i","protocol":1,"direct":true,"message":"m"}`, "heartbeat": `{"running":["a"],"cpu":1,"memory_bytes":5}`,
		"available": `{"message":"x","finished":[{"activation":"a","outcome":"failed","error":"e","permanent":true,"result":{"KIND":1}}]}`,
		"activate":  `{"id":"w","order":"activate","epoch":7,"work":[{"activation":"a","task":` + strings.Replace(fullWorkTask, `"größe"`, `"s"`, 1) + `}]}`,
		"task":      `{"id":"t"}`, "wait": `{"id":"t","timeout_ms":5}`, "list": `{"state":"failed","kind":"k","pool":"p","batch":"b","limit":5,"cursor":"7"}`, "retry": `{"kind":"k","limit":5}`,
		"pull": `{"limit":5,"pool":"p","kind":"k","receipt":"r"}`, "pause": `{"kind":"k"}`, "limit": `{"kind":"k","concurrency":5,"rate":2,"burst":3}`,
		"batch": `{"name":"b","close":true,"then":{"kind":"k","steps":[{"kind":"s"}]}}`, "progress": `{"activation":"a","percent":5,"text":"t"}`,
		"submit": strings.Replace(fullTask, "größe", "size", 1), "workers": `{"limit":5,"cursor":"7"}`,
		"record":  `{"id":"t","kind":"k","state":"failed","steps":[{"kind":"s","state":"failed","attempts":3}],"progress":{"percent":5},"payload":{"Id":1}}`,
		"welcome": `{"id":"w","heartbeat_ms":5,"misses":3,"activate":"ha.activate","epoch":7,"probe":"x"}`, "status": `{"leader":{"name":"d","epoch":7},"tasks":{"failed":3},"workers":{"busy":3}}`,
		"refusal": `{"error":{"code":"unknown_task","message":"m"},"id":"t"}`, "event": `{"task":"t","kind":"k","weight":3,"percent":5}`, "presence": `{"name":"d","epoch":7,"mark":{"seq":5,"epoch":3}}`,
	} {
		want, wantErr := everyDecoder[decoder]([]byte(body))
		if _, refused := errors.AsType[*ha.Error](wantErr); refused != (decoder == "refusal") {
			t.Fatalf("%s: %v", decoder, wantErr)
		}
		for _, name := range namesIn(body) {
			for _, other := range folded(name) {
				if other == name {
					continue
				}
				for _, value := range []string{`"z"`, `7`, `null`, `{}`, `[{"kind":"z"}]`, `true`} {
					extra := strings.Replace(body, `"`+name+`":`, `"`+other+`":`+value+`,"`+name+`":`, 1)
					checkSame(t, decoder, extra, want, wantErr)
				}
			}
		}
		for _, other := range folded("kind")[:2] {
			checkSame(t, decoder, strings.TrimSuffix(body, "}")+`,"`+other+`":{"id":7}}`, want, wantErr)
		}
	}
}

func checkSame(t *testing.T, decoder, body string, want any, wantErr error) {
	t.Helper()
	if !json.Valid([]byte(body)) {
		t.Fatalf("not JSON: %s", body)
	}
	if got, err := everyDecoder[decoder]([]byte(body)); !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%s: %s\n got %+v, %v\nwant %+v, %v", decoder, body, got, err, want, wantErr)
	}
}

// namesIn lists the names of fields in body: not those of labels and in what is passed on.
func namesIn(body string) (names []string) {
	for _, part := range strings.Split(body, `":`)[:strings.Count(body, `":`)] {
		name := part[strings.LastIndexByte(part, '"')+1:]
		switch name {
		case "s", "x", "a", "b", "tenant", "size", "by", "KIND", "Id", "failed":
		default:
			names = append(names, name)
		}
	}
	return names
}
