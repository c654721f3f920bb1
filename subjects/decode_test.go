package subjects

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

const rule = "1 to 64 of the characters a-z, A-Z, 0-9, '_' and '-'"

// refused is one bad body and the whole refusal it earns. The texts are spelled
// out because people read them.
type refused struct {
	name, body string
	status     int
	code, text string
}

func weightText(got string) string {
	return "weight must be a whole number from 1 to 1000000, got " + got
}

func list(n int, entry string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(entry+",", n), ",") + "]"
}

func checkRefused(t *testing.T, decode func(body []byte) error, cases []refused) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := decode([]byte(c.body))
			var refusal *ha.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if refusal.Status != c.status || refusal.Code != c.code {
				t.Errorf("got %d %s, want %d %s", refusal.Status, refusal.Code, c.status, c.code)
			}
			if c.text != "" && refusal.Message != c.text {
				t.Errorf("message\n got %q\nwant %q", refusal.Message, c.text)
			}
			checkReadable(t, refusal.Message)
		})
	}
}

var goWords = regexp.MustCompile(`\b(Go|struct|unmarshal|json:|int64|uint64|float64|strconv|RawMessage|subjects\.|ha\.|slice|nil)\b`)

// checkReadable holds every message to what a header can carry and a person
// who knows no Go can read.
func checkReadable(t *testing.T, message string) {
	t.Helper()
	if len(message) > 400 {
		t.Errorf("message of %d bytes repeats too much of the input: %.100s…", len(message), message)
	}
	if strings.ContainsAny(message, "\r\n\x00") {
		t.Errorf("message breaks the line it travels on: %q", message)
	}
	if word := goWords.FindString(message); word != "" {
		t.Errorf("message speaks Go (%q): %s", word, message)
	}
}

func TestBadHello(t *testing.T) {
	with := func(rest string) string { return `{"weight":3,` + rest + `}` }
	checkRefused(t, func(b []byte) error { _, err := DecodeHello(b); return err }, []refused{
		{"no weight", `{}`, 400, "invalid_weight", "weight is required, a whole number from 1 to 1000000"},
		{"null weight", `{"weight":null}`, 400, "invalid_weight", "weight is required, a whole number from 1 to 1000000"},
		{"weight 0", `{"weight":0}`, 400, "invalid_weight", weightText("0")},
		{"weight 0.0", `{"weight":-0.0}`, 400, "invalid_weight", weightText("-0.0")},
		{"negative", `{"weight":-3}`, 400, "invalid_weight", weightText("-3")},
		{"fraction", `{"weight":2.5}`, 400, "invalid_weight", weightText("2.5")},
		{"just over", `{"weight":1000001}`, 400, "invalid_weight", weightText("1000001")},
		{"10^12", `{"weight":1000000000000}`, 400, "invalid_weight", weightText("1000000000000")},
		{"2^64+3", `{"weight":18446744073709551619}`, 400, "invalid_weight", weightText("18446744073709551619")},
		{"1e400", `{"weight":1e400}`, 400, "invalid_weight", weightText("1e400")},
		{"1e-400", `{"weight":1e-400}`, 400, "invalid_weight", weightText("1e-400")},
		{"string", `{"weight":"3"}`, 400, "invalid_weight", weightText(`"3"`)},
		{"true", `{"weight":true}`, 400, "invalid_weight", weightText("true")},
		{"array over two lines", "{\"weight\":[1,\n2]}", 400, "invalid_weight", weightText("[1,2]")},
		{"object", `{"weight":{"a":1}}`, 400, "invalid_weight", weightText(`{"a":1}`)},
		{"long number", `{"weight":` + strings.Repeat("9", 900_000) + `}`, 400, "invalid_weight", weightText(strings.Repeat("9", 80) + "… (900000 bytes)")},
		{"NaN", `{"weight":NaN}`, 400, "invalid_json", "body must be a JSON object: invalid character 'N' looking for beginning of value (byte 11)"},
		{"last duplicate counts", `{"weight":3,"weight":0}`, 400, "invalid_weight", weightText("0")},

		{"dots", with(`"name":"a.b"`), 400, "invalid_name", "name must be " + rule + `, got "a.b"`},
		{"spaces", with(`"name":"a b"`), 400, "invalid_name", "name must be " + rule + `, got "a b"`},
		{"wildcard", with(`"name":"*"`), 400, "invalid_name", "name must be " + rule + `, got "*"`},
		{"full wildcard", with(`"name":">"`), 400, "invalid_name", "name must be " + rule + `, got ">"`},
		{"letters beyond ASCII", with(`"name":"größe"`), 400, "invalid_name", "name must be " + rule + `, got "größe"`},
		{"line break", with(`"name":"a\nb"`), 400, "invalid_name", "name must be " + rule + `, got "a\nb"`},
		{"65 letters", with(`"name":"` + strings.Repeat("x", 65) + `"`), 400, "invalid_name", ""},
		{"10 KB", with(`"name":"` + strings.Repeat("x", 10_240) + `"`), 400, "invalid_name", "name must be " + rule + `, got "` + strings.Repeat("x", 80) + `"… (10240 bytes)`},
		{"invalid UTF-8", with("\"name\":\"a\xffb\""), 400, "invalid_utf8", "body must be UTF-8"},
		{"lone surrogate", with(`"name":"\ud800"`), 400, "invalid_name", "name must be " + rule + `, got "` + "\uFFFD" + `"`},
		{"name a number", with(`"name":7`), 400, "invalid_type", "name must be a string, got a JSON number"},
		{"instance", with(`"instance":"a/b"`), 400, "invalid_instance", "instance must be " + rule + `, got "a/b"`},
		{"a pool", with(`"pools":["ok","no no"]`), 400, "invalid_pools", "pools[1] must be " + rule + `, got "no no"`},
		{"empty pool", with(`"pools":[""]`), 400, "invalid_pools", "pools[0] must be " + rule + `, got ""`},
		{"null pool", with(`"pools":[null]`), 400, "invalid_pools", "pools[0] must be " + rule + `, got ""`},
		{"pool a number", with(`"pools":[1]`), 400, "invalid_type", "each entry of pools must be a string, got a JSON number"},
		{"pools a string", with(`"pools":"default"`), 400, "invalid_type", "pools must be an array, got a JSON string"},
		{"a kind", with(`"kinds":["a.*"]`), 400, "invalid_kinds", "kinds[0] must be " + rule + `, got "a.*"`},
		{"65 pools", with(`"pools":` + list(65, `"p"`)), 413, "too_many_pools", "pools may list at most 64 names, got 65"},
		{"65 kinds", with(`"kinds":` + list(65, `"k"`)), 413, "too_many_kinds", "kinds may list at most 64 names, got 65"},

		{"slots -1", with(`"slots":-1`), 400, "invalid_slots", "slots must be a whole number from 1 to 4096, got -1"},
		{"slots 4097", with(`"slots":4097`), 400, "invalid_slots", "slots must be a whole number from 1 to 4096, got 4097"},
		{"slots a fraction", with(`"slots":1.5`), 400, "invalid_type", "slots must be a whole number, written without fraction or exponent, got a JSON number 1.5"},
		{"slots a long number", with(`"slots":` + strings.Repeat("1", 900_000)), 400, "invalid_type", ""},
		{"protocol 2", with(`"protocol":2`), 400, "invalid_protocol", "protocol must be 1, got 2"},
		{"direct 1", with(`"direct":1`), 400, "invalid_type", "direct must be true or false, got a JSON number"},
	})
}

func TestBadBodies(t *testing.T) {
	cases := []refused{
		{"text", `hello`, 400, "invalid_json", `body must be a JSON object, got "hello"`},
		{"text of two lines", "a\nb", 400, "invalid_json", `body must be a JSON object, got "a\nb"`},
		{"null", `null`, 400, "invalid_json", "body must be a JSON object, got null"},
		{"array", `[{"weight":3}]`, 400, "invalid_json", `body must be a JSON object, got [{"weight":3}]`},
		{"string", `"x"`, 400, "invalid_json", `body must be a JSON object, got "x"`},
		{"number", `3`, 400, "invalid_json", "body must be a JSON object, got 3"},
		{"byte order mark", "\ufeff{}", 400, "invalid_json", `body must be a JSON object, got "\ufeff{}"`},
		{"cut off", `{"weight":3`, 400, "invalid_json", "body must be a JSON object: unexpected end of JSON input (byte 11)"},
		{"trailing garbage", `{"weight":3} x`, 400, "invalid_json", "body must be a JSON object: invalid character 'x' after top-level value (byte 14)"},
		{"two objects", `{"weight":3}{"weight":3}`, 400, "invalid_json", ""},
		{"trailing comma", `{"weight":3,}`, 400, "invalid_json", ""},
		{"single quotes", `{'weight':3}`, 400, "invalid_json", ""},
		{"raw control character", "{\"name\":\"a\x00\"}", 400, "invalid_json", ""},
		{"deep nesting", `{"x":` + strings.Repeat("[", 200_000), 400, "invalid_json", "body must be a JSON object: nested more than 10000 levels deep (byte 10005)"},
		{"2 MB", `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "body_too_large", "body may be at most 1048576 bytes, got 2097160"},
		{"2 MB of blanks", strings.Repeat(" ", 2<<20), 413, "body_too_large", "body may be at most 1048576 bytes, got 2097152"},
		{"invalid UTF-8", "{\"x\":\"\xc3\x28\"}", 400, "invalid_utf8", "body must be UTF-8"},
	}
	for name, decode := range map[string]func([]byte) error{
		"hello":     func(b []byte) error { _, err := DecodeHello(b); return err },
		"heartbeat": func(b []byte) error { _, err := DecodeHeartbeat(b); return err },
		"available": func(b []byte) error { _, err := DecodeAvailable(b); return err },
		"activate":  func(b []byte) error { _, err := DecodeActivate(b); return err },
		"empty":     DecodeEmpty,
		"task":      func(b []byte) error { _, err := DecodeTaskRequest(b); return err },
		"wait":      func(b []byte) error { _, err := DecodeWait(b); return err },
		"list":      func(b []byte) error { _, _, err := DecodeList(b); return err },
		"retry":     func(b []byte) error { _, err := DecodeRetry(b); return err },
		"pull":      func(b []byte) error { _, err := DecodePull(b); return err },
		"pause":     func(b []byte) error { _, err := DecodePause(b); return err },
		"limit":     func(b []byte) error { _, err := DecodeLimit(b); return err },
		"batch":     func(b []byte) error { _, err := DecodeBatch(b); return err },
		"progress":  func(b []byte) error { _, err := DecodeProgress(b); return err },
	} {
		t.Run(name, func(t *testing.T) { checkRefused(t, decode, cases) })
	}
}

func TestBadHeartbeat(t *testing.T) {
	checkRefused(t, func(b []byte) error { _, err := DecodeHeartbeat(b); return err }, []refused{
		{"running an object", `{"running":{}}`, 400, "invalid_type", "running must be an array, got a JSON object"},
		{"an entry a number", `{"running":[1]}`, 400, "invalid_type", "each entry of running must be a string, got a JSON number"},
		{"an entry null", `{"running":[null]}`, 400, "invalid_running", "running[0] must be " + rule + `, got ""`},
		{"an entry no token", `{"running":["a1","a.2"]}`, 400, "invalid_running", "running[1] must be " + rule + `, got "a.2"`},
		{"too many", `{"running":` + list(MaxListed+1, `"a"`) + `}`, 413, "too_many_running", "running may list at most 8192 activations, got 8193"},
		{"negative cpu", `{"cpu":-0.1}`, 400, "invalid_load", "cpu and memory_bytes must not be negative"},
		{"negative memory", `{"memory_bytes":-1}`, 400, "invalid_load", "cpu and memory_bytes must not be negative"},
		{"endless cpu", `{"cpu":1e400}`, 400, "invalid_type", "cpu must be a number within ±1.7e308, got a JSON number 1e400"},
		{"memory with exponent", `{"memory_bytes":1e9}`, 400, "invalid_type", "memory_bytes must be a whole number, written without fraction or exponent, got a JSON number 1e9"},
	})
}

func TestBadAvailable(t *testing.T) {
	const outcomes = "finished[0].outcome must be done, failed, cancelled, timed_out or rejected, got "
	finished := func(entry string) string { return `{"finished":[` + entry + `]}` }
	checkRefused(t, func(b []byte) error { _, err := DecodeAvailable(b); return err }, []refused{
		{"an object", `{"finished":{}}`, 400, "invalid_type", "finished must be an array, got a JSON object"},
		{"an entry a string", finished(`"a1"`), 400, "invalid_type", "each entry of finished must be an object, got a JSON string"},
		{"an entry null", finished(`null`), 400, "invalid_finished", "finished[0].activation must be " + rule + `, got ""`},
		{"no activation", finished(`{"outcome":"done"}`), 400, "invalid_finished", "finished[0].activation must be " + rule + `, got ""`},
		{"no outcome", finished(`{"activation":"a1"}`), 400, "invalid_outcome", outcomes + `""`},
		{"own outcome", finished(`{"activation":"a1","outcome":"fine"}`), 400, "invalid_outcome", outcomes + `"fine"`},
		{"lost is not a worker's to say", finished(`{"activation":"a1","outcome":"lost"}`), 400, "invalid_outcome", outcomes + `"lost"`},
		{"outcome a number", finished(`{"activation":"a1","outcome":0}`), 400, "invalid_type", "finished.outcome must be a string, got a JSON number"},
		{"too many", `{"finished":` + list(MaxListed+1, `{"activation":"a","outcome":"done"}`) + `}`, 413, "too_many_finished", "finished may list at most 8192 activations, got 8193"},
	})
}

func TestBadActivate(t *testing.T) {
	checkRefused(t, func(b []byte) error { _, err := DecodeActivate(b); return err }, []refused{
		{"no id", `{"order":"activate"}`, 400, "invalid_id", "id must be " + rule + `, got ""`},
		{"no activation", `{"id":"w","work":[{}]}`, 400, "invalid_work", "work[0].activation must be " + rule + `, got ""`},
		{"work of strings", `{"id":"w","work":["a1"]}`, 400, "invalid_type", "each entry of work must be an object, got a JSON string"},
		{"negative epoch", `{"id":"w","epoch":-1}`, 400, "invalid_type", "epoch must be a whole number from 0, written without fraction or exponent, got a JSON number -1"},
		{"epoch a string", `{"id":"w","epoch":"7"}`, 400, "invalid_type", "epoch must be a whole number from 0, written without fraction or exponent, got a JSON string"},
	})
}

func TestBadWorkersRequest(t *testing.T) {
	checkRefused(t, func(b []byte) error { _, _, err := DecodeWorkersRequest(b); return err }, []refused{
		{"limit -1", `{"limit":-1}`, 400, "invalid_limit", "limit must be a whole number from 1 to 1000, got -1"},
		{"limit 1001", `{"limit":1001}`, 400, "invalid_limit", "limit must be a whole number from 1 to 1000, got 1001"},
		{"limit a string", `{"limit":"9"}`, 400, "invalid_type", "limit must be a whole number, written without fraction or exponent, got a JSON string"},
		{"cursor of one's own", `{"cursor":"second"}`, 400, "invalid_cursor", `cursor must be the next of an earlier answer, got "second"`},
		{"negative cursor", `{"cursor":"-1"}`, 400, "invalid_cursor", `cursor must be the next of an earlier answer, got "-1"`},
		{"cursor beyond all", `{"cursor":"18446744073709551615"}`, 400, "invalid_cursor", ""},
		{"cursor a number", `{"cursor":17}`, 400, "invalid_type", "cursor must be a string, got a JSON number"},
	})
	for _, body := range []string{"", "{}", `{"limit":0,"cursor":""}`} {
		if r, after, err := DecodeWorkersRequest([]byte(body)); err != nil || r.Limit != MaxWorkersPage || after != 0 {
			t.Errorf("DecodeWorkersRequest(%q) = %+v, %d, %v; want the first whole page", body, r, after, err)
		}
	}
	if r, after, err := DecodeWorkersRequest([]byte(`{"limit":5,"cursor":"17"}`)); err != nil || r.Limit != 5 || after != 17 {
		t.Errorf("got %+v, %d, %v; want 5 after 17", r, after, err)
	}
}

func TestGoodHello(t *testing.T) {
	plain := func(w ha.Weight) Hello {
		return Hello{Weight: w, Slots: 1, Pools: []string{DefaultPool}, Protocol: ProtocolVersion}
	}
	full := Hello{
		Message: "is someone there", Weight: 3, Name: "east-1", Pools: []string{"a", "b"}, Kinds: []string{"sha512"},
		Slots: 4, Instance: "n-1", Protocol: 1, Direct: true,
	}
	for body, want := range map[string]Hello{
		`{"weight":3}`: plain(3), `{"weight":3.0}`: plain(3), `{"weight":3e0}`: plain(3), `{"weight":0.3e1}`: plain(3),
		`{"weight":1}`: plain(1), `{"weight":1000000}`: plain(1_000_000), `{"weight":1e6}`: plain(1_000_000),
		" \n{\"weight\":3}\n":                 plain(3),
		`{"weight":0,"weight":3}`:             plain(3),
		`{"weight":3,"slots":0,"pools":[]}`:   plain(3),
		`{"weight":3,"slots":null,"x":[{}]}`:  plain(3),
		`{"weight":3,"x":"` + "\u2028" + `"}`: plain(3),
		`{"message":"is someone there","weight":3,"name":"east-1","pools":["a","b"],"kinds":["sha512"],"slots":4,
		  "instance":"n-1","protocol":1,"direct":true,"unknown":{"deep":[1,2,3]}}`: full,
	} {
		t.Run(body, func(t *testing.T) {
			got, err := DecodeHello([]byte(body))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("DecodeHello(%s)\n got %+v, %v\nwant %+v", body, got, err, want)
			}
		})
	}
}

func TestHeartbeatTellsNotSayingFromHoldingNothing(t *testing.T) {
	for body, silent := range map[string]bool{
		"": true, "\t{}": true, "{}": true, `{"running":null}`: true, `{"cpu":0.5}`: true,
		`{"running":[]}`: false, `{"running":["a7-42"],"running":[]}`: false,
	} {
		t.Run(body, func(t *testing.T) {
			hb, err := DecodeHeartbeat([]byte(body))
			if err != nil || (hb.Running == nil) != silent || len(hb.Running) != 0 {
				t.Errorf("DecodeHeartbeat(%q) = %#v, %v; want silence %t", body, hb.Running, err, silent)
			}
		})
	}
}

func TestAvailableCutsLongErrorsOnACharacter(t *testing.T) {
	body := fmt.Sprintf(`{"finished":[{"activation":"a1","outcome":"failed","error":%q}]}`, "x"+strings.Repeat("é", MaxError))
	a, err := DecodeAvailable([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if want := "x" + strings.Repeat("é", (MaxError-1)/2); a.Finished[0].Error != want {
		t.Errorf("error cut to %d bytes ending in %q", len(a.Finished[0].Error), a.Finished[0].Error[MaxError-4:])
	}
}
