package main

import (
	"bytes"
	"strings"
	"testing"
)

func noEnvironment(string) (string, bool) { return "", false }

// only is an environment of the given variables.
func only(vars map[string]string) environment {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// call runs a command in this process; it must not be one that goes on.
func call(t *testing.T, env map[string]string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, only(env), strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

func TestBadUsageExitsWith2AndSaysWhy(t *testing.T) {
	huge := strings.Repeat("x", 10_000)
	for _, c := range []struct {
		args string
		want string // in the message
	}{
		{"walk", `unknown command "walk"`},
		{"demo now", `unknown command "now"`},
		{"worker --wieght 3", "--wieght"},
		{"worker", "--weight is required"},
		{"worker --weight 0", "from 1 to 1000000"},
		{"worker --weight -1", "from 1 to 1000000"},
		{"worker --weight 1.5", "from 1 to 1000000"},
		{"worker --weight 1000000000000", "from 1 to 1000000"},
		{"worker --weight many", `"many"`},
		{"worker --weight 1 --work-min 5s --work-max 1s", "--work-min"},
		{"worker --weight 1 --work-min -1s", "--work-min"},
		{"worker --weight 1 --work-max 2 --log-level warn", "--work-max"},
		{"worker --weight 1 --slots 0", "--slots"},
		{"worker --weight 1 --slots 1025", "1024"},
		{"worker --weight 1 --grace 0s", "--grace"},
		{"worker --weight 1 --name a.b", "a.b"},
		{"worker --weight 1 --name " + huge, "10000 bytes"},
		{"worker --weight 1 --pool gp*", "gp*"},
		{"worker --weight 1 --prefix a..b", "a..b"},
		{"worker --weight 1 --log-level loud", levelNames},
		{"demo --weights 1,0", "from 1 to 1000000"},
		{"demo --weights ", "from 1 to 1000000"},
		{"demo --duration -1s", "--duration"},
		{"demo --activate-every -1s", "activate every"},
		{"demo --listen nowhere", "nowhere"},
		{"demo --listen ", "--listen"},
		{"demo --weights " + strings.Repeat("1,", 1000) + "1", "at most 1000"},
		{"dispatcher --listen 127.0.0.1:0 --server nats://127.0.0.1:1", "--listen"},
		{"dispatcher --store /tmp/x --context c", "--store"},
		{"dispatcher --listen 127.0.0.1:0 --creds c", "--creds"},
		{"dispatcher --server ftp://h", "scheme"},
		{"workers --creds /nowhere/at/all", "/nowhere/at/all"},
		{"dispatcher --listen 127.0.0.1:99999", "65535"},
		{"dispatcher --listen 127.0.0.1:0 --misses 9 --evict-after 45s", "9 × 5s"},
		{"dispatcher --listen 127.0.0.1:0 --misses 0 --max-workers 0", "max workers"},
		{"dispatcher --listen 127.0.0.1:0 --name a.b", "a.b"},
		{"dispatcher --listen 127.0.0.1:0 --cluster-listen :6222 --routes h:6222", "store dir"},
		{"dispatcher --routes nats://h:6222", "cluster listen"},
		{"dispatcher --cluster-name x --server h", "--cluster-"},
		{"server --listen ", "--listen"},
		{"server --listen 127.0.0.1:99999", "65535"},
		{"server --name a.b", "a.b"},
		{"server --store /tmp/x --cluster-listen :6222 --routes h", "nats://host:port"},
		{"server --store /tmp/x --cluster-listen :6222", "routes"},
		{"server --server nats://h", "--server"},
		{"server now", "unknown command"},
		{"backup", "one file"},
		{"backup a b", "one file"},
		{"backup a --prefix *", "*"},
		{"backup a --timeout 0", "--timeout"},
		{"restore", "one file"},
		{"restore - --prefix *", "*"},
		{"workers --timeout 0", "--timeout"},
		{"workers --watch=1ms", "--watch"},
		{"workers --watch soon", "soon"},
		{"workers 5s", `unknown command "5s"`},
		{"status --prefix *", "*"},
	} {
		status, stdout, stderr := call(t, nil, strings.Split(c.args, " ")...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "--help' for usage") {
			t.Errorf("ha %.80s: exit status %d, want %d with %q; stdout %q, stderr %q", c.args, status, exitUsage, c.want, stdout, stderr)
		}
	}
}

func TestAllThatIsWrongIsNamedAtOnce(t *testing.T) {
	_, _, stderr := call(t, nil, "dispatcher", "--listen", "127.0.0.1:0", "--misses", "0", "--max-workers", "0", "--share-window", "-1")
	for _, want := range []string{"misses", "max workers", "share window"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not named in %q", want, stderr)
		}
	}
}

func TestABadVariableIsNamed(t *testing.T) {
	for variable, args := range map[string]string{
		"HA_WEIGHT":         "worker",
		"HA_HEARTBEAT":      "dispatcher",
		"HA_ACTIVATE_EVERY": "demo",
		"HA_LOG_LEVEL":      "status",
	} {
		status, _, stderr := call(t, map[string]string{variable: "purple"}, args)
		if status != exitUsage || !strings.Contains(stderr, variable) || !strings.Contains(stderr, "purple") {
			t.Errorf("%s: exit status %d, stderr %q", variable, status, stderr)
		}
	}
}

func TestHelpVersionAndCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"":                 "Exit status",
		"worker --help":    "[$HA_WORK_MIN]",
		"demo --help":      "(default 1,2,3)",
		"version":          "protocol 1",
		"--version":        "protocol 1",
		"completion bash":  "complete",
		"completion zsh":   "#compdef ha",
		"completion fish":  "complete -c ha",
		"__complete wor":   "workers",
		"help dispatcher":  "--reply-timeout",
		"workers --help":   "[$HA_WATCH]",
		"server --help":    "[$HA_ROUTES]",
		"restore --help":   "ha server",
		"__complete demo ": ":",
	} {
		status, stdout, stderr := call(t, map[string]string{"HA_LOG_LEVEL": "info"}, strings.Fields(args)...)
		if status != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("ha %s: exit status %d, stdout %.300q, stderr %q", args, status, stdout, stderr)
		}
	}
}
