package connect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	ha "github.com/seed261fe303/ha"
)

// TestOrderOfSources tries every subset of the sources against the rule written
// down as a list.
func TestOrderOfSources(t *testing.T) {
	for set := range 1 << 5 {
		has := func(bit int) bool { return set>>bit&1 == 1 }
		var cfg Config
		env := map[string]string{}
		contexts := []string{
			`sel {"url":"nats://selected:1"}`, `env {"url":"nats://envcontext:1"}`, `arg {"url":"nats://argcontext:1"}`,
		}
		if has(0) {
			cfg.URL = "nats://given:1"
		}
		if has(1) {
			env["NATS_URL"] = "nats://env:1"
		}
		if has(2) {
			cfg.Context = "arg"
		}
		if has(3) {
			env["NATS_CONTEXT"] = "env"
		}
		if has(4) {
			contexts = append(contexts, "select sel")
		}
		want, source, context := "nats://127.0.0.1:4222", SourceDefault, ""
		for _, c := range []struct {
			set          bool
			url, context string
			source       Source
		}{
			{has(4), "nats://selected:1", "sel", SourceSelected},
			{has(3), "nats://envcontext:1", "env", SourceContext},
			{has(2), "nats://argcontext:1", "arg", SourceContext},
			{has(1), "nats://env:1", "", SourceEnvironment},
			{has(0), "nats://given:1", "", SourceGiven},
		} {
			if c.set {
				want, source = c.url, c.source
			}
		}
		switch { // a named context is used whatever names the server
		case has(2):
			context = "arg"
		case has(3):
			context = "env"
		case source == SourceSelected:
			context = "sel"
		}
		r, err := cfg.Resolve(environment(t, env, contexts...))
		if err != nil {
			t.Fatalf("set %05b: %v", set, err)
		}
		if r.URL != want || r.Source != source || r.Context != context || r.Explicit != (set != 0) {
			t.Errorf("set %05b: got %+v, want %s from %s with context %q", set, r, want, source, context)
		}
	}
}

func TestDefaultPlaceOfContexts(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // seen by the context library itself
	r, err := Config{}.Resolve(func(string) string { return "" })
	if err != nil || r.Explicit {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestServerLists(t *testing.T) {
	spaced := " nats://a:1 ,, tls://b , c:2 "
	for in, want := range map[string]string{
		"h":                                "nats://h",
		"h:1":                              "nats://h:1",
		spaced:                             "nats://a:1,tls://b,nats://c:2",
		"nats://u:p@h:1/":                  "nats://u:p@h:1/",
		"nats://[::1]:4222":                "nats://[::1]:4222",
		"ws://a/path,wss://b:443":          "ws://a/path,wss://b:443",
		"nats://" + strings.Repeat("h", 9): "nats://hhhhhhhhh",
	} {
		t.Run(in, func(t *testing.T) {
			r, err := Config{URL: in}.Resolve(environment(t, nil))
			if err != nil || r.URL != want {
				t.Errorf("%q: got %q, %v, want %q", in, r.URL, err, want)
			}
		})
	}
}

func TestBadServersAreNamedWithoutTheirSecrets(t *testing.T) {
	for in, want := range map[string]string{
		",":                         "no server in the list",
		" ":                         "no server in the list",
		"http://u:hunter2@h":        `must be nats, tls, ws or wss, got "http"`,
		"nats://":                   "host is missing",
		"nats://u:hunter2@":         "host is missing",
		"nats://u:hunter2@h:0":      "port must be",
		"nats://u:hunter2@h:65536":  "port must be",
		"nats://u:hunter2@h:x":      "not a URL",
		"nats://u:hunter2/@h:1":     "not a URL",
		"nats://u:12/hunter2@h:1":   "nothing may follow the port",
		"nats://u:hunter2%zz@h":     "not a URL",
		"nats://u:hunter2@h h":      "not a URL",
		"nats://u:hunter2\x7f@h":    "not a URL",
		"a,nats://u:hunter2@b:-1":   "server 2 of the list",
		"nats://a,ws://u:hunter2@b": "cannot be mixed",
	} {
		t.Run(in, func(t *testing.T) {
			_, err := Config{URL: in}.Resolve(environment(t, nil))
			if !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "given") {
				t.Errorf("%q: want an error with %q and its source, got %v", in, want, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestShownWithoutSecrets(t *testing.T) {
	r, err := Config{URL: "nats://u:hunter2@a:1,nats://hunter2@b:2,c"}.Resolve(environment(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	const want = "nats://xxxxx@a:1,nats://xxxxx@b:2,nats://c (given)"
	for _, got := range []string{r.String(), fmt.Sprintf("%v %+v", r, &r)} {
		if !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("got %s", got)
		}
	}
	if got := redact("nats://u:hunter2@h:x"); strings.Contains(got, "hunter2") {
		t.Errorf("got %s", got)
	}
}

func TestTimeoutBounds(t *testing.T) {
	for d, ok := range map[time.Duration]bool{0: true, time.Millisecond: true, time.Minute: true, -1: false, 1: false, time.Minute + 1: false} {
		t.Run(d.String(), func(t *testing.T) {
			if _, err := (Config{Timeout: d}).Resolve(environment(t, nil)); (err == nil) != ok || err != nil && !errors.Is(err, ha.ErrInvalid) {
				t.Errorf("timeout %s: %v", d, err)
			}
		})
	}
}

func TestContextsThatCannotBeUsed(t *testing.T) {
	for want, c := range map[string]struct {
		cfg      Config
		contexts []string
	}{
		`context "absent"`:         {Config{Context: "absent"}, nil},
		`context "../x"`:           {Config{Context: "../x"}, nil},
		`selected context "stale"`: {Config{}, []string{"select stale"}},
		`context "broken"`:         {Config{Context: "broken"}, []string{`broken {"url":`}},
		`context "odd"`:            {Config{Context: "odd"}, []string{`odd {"creds":"gopher://a/b"}`}},
		`context: server 1 of the`: {Config{Context: "bad"}, []string{`bad {"url":"http://h"}`}},
		`credentials: nats: open`:  {Config{Context: "lost"}, []string{`lost {"creds":"/absent/creds"}`}},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := c.cfg.Resolve(environment(t, nil, c.contexts...))
			if !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %q, got %v", want, err)
			}
		})
	}
}

func TestSelectedContextIsNotReadWhereItDoesNotCount(t *testing.T) {
	for name, cfg := range map[string]Config{"given": {URL: "h"}, "named": {Context: "good"}} {
		t.Run(name, func(t *testing.T) {
			_, err := cfg.Resolve(environment(t, nil, "select broken", `broken {`, `good {"url":"nats://good"}`))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// credsFile writes a credentials file for a user of that name.
func credsFile(t *testing.T, user string) string {
	t.Helper()
	keys, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys.Seed()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), user+".creds")
	content := fmt.Sprintf("-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n"+
		"-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", user, seed)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// identity tells who the client will say it is.
func identity(t *testing.T, r Resolved) string {
	t.Helper()
	o, err := r.options()
	if err != nil {
		t.Fatal(err)
	}
	jwt := ""
	if o.UserJWT != nil {
		if jwt, err = o.UserJWT(); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Trim(strings.Join([]string{jwt, o.User, o.Password, o.Token, o.Nkey}, ","), ",")
}

func TestOrderOfCredentials(t *testing.T) {
	given, env, ctx := credsFile(t, "given"), credsFile(t, "env"), credsFile(t, "ctx")
	contexts := []string{
		`creds {"url":"nats://c","creds":"` + ctx + `"}`,
		`user {"url":"nats://c","user":"u","password":"p"}`,
		`token {"url":"nats://c","token":"t"}`,
		`lost {"url":"nats://c","creds":"/absent/creds"}`,
	}
	for name, c := range map[string]struct {
		cfg      Config
		env      map[string]string
		selected string
		want     string
	}{
		"nobody":                        {},
		"given":                         {cfg: Config{Creds: given}, env: map[string]string{"NATS_CREDS": env}, want: "given"},
		"environment":                   {env: map[string]string{"NATS_CREDS": env}, want: "env"},
		"context":                       {cfg: Config{Context: "creds"}, want: "ctx"},
		"context's password":            {cfg: Config{Context: "user"}, want: "u,p"},
		"selected":                      {selected: "creds", want: "ctx"},
		"given over context":            {cfg: Config{Context: "creds", Creds: given}, want: "given"},
		"given over context's password": {cfg: Config{Context: "user", Creds: given}, want: "given"},
		"environment over its token":    {cfg: Config{Context: "token"}, env: map[string]string{"NATS_CREDS": env}, want: "env"},
		"given over a lost file":        {cfg: Config{Context: "lost", Creds: given}, want: "given"},
		"named context, given server":   {cfg: Config{Context: "user", URL: "h"}, want: "u,p"},
		"named context, NATS_URL":       {env: map[string]string{"NATS_CONTEXT": "creds", "NATS_URL": "h"}, want: "ctx"},
		"selected, given server":        {cfg: Config{URL: "h"}, selected: "user"},
		"selected, NATS_URL":            {env: map[string]string{"NATS_URL": "h"}, selected: "creds"},
	} {
		t.Run(name, func(t *testing.T) {
			files := contexts
			if c.selected != "" {
				files = append(slices.Clip(files), "select "+c.selected)
			}
			r, err := c.cfg.Resolve(environment(t, c.env, files...))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if got := identity(t, r); got != c.want {
				t.Errorf("%s: the client says it is %q, want %q", name, got, c.want)
			}
		})
	}
}

func TestCredentialsThatCannotBeRead(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(t.TempDir(), "half")
	if err := os.WriteFile(half, []byte("-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/absent/creds", t.TempDir(), empty, half} {
		_, err := Config{Creds: path}.Resolve(environment(t, nil))
		if !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), "credentials: ") {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func TestNkeyWithoutItsFile(t *testing.T) {
	_, err := Config{Context: "n"}.Resolve(environment(t, nil, `n {"url":"h","nkey":"/absent/nkey"}`))
	if !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	failing := func(*nats.Options) error { return errors.New("no") }
	r := Resolved{URL: "nats://h", Source: SourceGiven, extra: []nats.Option{failing}}
	if err := r.checkIdentity(); err == nil {
		t.Error("an option's error is lost")
	}
	if _, err := r.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "nats://h (given): no") {
		t.Errorf("got %v", err)
	}
}
