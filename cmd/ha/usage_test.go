package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// only is an environment of the given variables.
func only(vars map[string]string) cli.Environment { return vars }

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
		{"walk", "ha: there is no command \"ha walk\"\n"},
		{"demo now", `ha: demo takes no arguments, got "now"`},
		{"worker --wieght 3", "--wieght"},
		{"worker --weight 0", "from 1 to 1000000"},
		{"worker --weight -1", "from 1 to 1000000"},
		{"worker --weight 1.5", "from 1 to 1000000"},
		{"worker --weight 1000000000000", "from 1 to 1000000"},
		{"worker --weight many", `"many"`},
		{"worker --weight 1 --work-min 5s --work-max 1s", "--work-min"},
		{"worker --weight 1 --work-min -1s", "--work-min"},
		{"worker --weight 1 --work-max 2 --log-level warn", "--work-max"},
		{"worker --weight 1 --slots 0", "--slots"},
		{"worker --weight 1 --slots 4097", "4096"},
		{"worker --weight 1 --grace 0s", "--grace"},
		{"worker --weight 1 --name a.b", "a.b"},
		{"worker --weight 1 --name " + huge, "10000 bytes"},
		{"worker --weight 1 --pool gp*", "gp*"},
		{"worker --weight 1 --prefix a..b", "a..b"},
		{"worker --weight 1 --log-level loud", cli.LevelNames},
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
		{"server now", "ha: server takes no arguments"},
		{"backup", "one file"},
		{"backup a b", "one file"},
		{"backup a --prefix *", "*"},
		{"backup a --timeout 0", "--timeout"},
		{"restore", "one file"},
		{"restore - --prefix *", "*"},
		{"workers --timeout 0", "--timeout"},
		{"workers --watch=1ms", "--watch"},
		{"workers --watch soon", "soon"},
		{"workers 5s", `ha: workers takes no arguments, got "5s"`},
		{"status --prefix *", "*"},
		{"worker --weight 1 --exec ./run", "--kind"},
		{"worker --weight 1 --kind a.b", "a.b"},
		{"worker --weight 1 --kind k --exec ./run --work-max 9s", "--work-max"},
		{"worker --weight 1 --kind k --exec ./run --kill-after -1s", "--kill-after"},
		{"worker --weight 1 --kind " + strings.Repeat("k,", 64) + "k", "at most 64"},
		{"task sumbit", `ha: there is no command "ha task sumbit"; did you mean "ha task submit"?`},
		{"task sumbit --kind k", `ha: there is no command "ha task sumbit"; did you mean "ha task submit"?`},
		{"wrokers", `ha: there is no command "ha wrokers"; did you mean "ha workers"?`},
		{"wrokers --watch", `did you mean "ha workers"?`},
		{"journal verfy", `did you mean "ha journal verify"?`},
		{"cluster clok --set", `did you mean "ha cluster clock"?`},
		{"help wrokers", `did you mean "ha workers"?`},
		{"help task sumbit", `did you mean "ha task submit"?`},
		{"help version now", `no commands below it`},
		{"task submit --prioritty 3", "ha: there is no flag --prioritty; did you mean --priority?"},
		{"task list -x", "there is no flag -x"},
		{"task list --stat", "did you mean --state?"},
		{"task list --state", "--state needs a value"},
		{"task list --=x", "is no flag"},
		{"task list --limit many", `ha: --limit must be a whole number, got "many"`},
		{"task list --limit 99999999999999999999", `is out of range`},
		{"journal show --from -1", `ha: --from must be a whole number that is not negative, got "-1"`},
		{"task list --timeout soon", `ha: --timeout must be a duration such as 500ms, 10s or 1h30m, got "soon"`},
		{"task list --json=perhaps", `ha: --json must be true or false, got "perhaps"`},
		{"task limit --kind k --rate fast", `ha: --rate must be a number, got "fast"`},
		{"worker --log-level loud", `ha: --log-level must be trace, debug, info, warn or error, got "loud"`},
		{"worker --weight 0", `ha: --weight must be a whole number from 1 to 1000000, got "0"`},
		{"task submit --kind k --run-at soon", `ha: --run-at must be a time such as`},
		{"task submit", "--kind is required"},
		{"task submit --kind a.b", "a.b"},
		{"task submit --kind k nonsense", "--text"},
		{"task submit --kind k --file f 1", "--file"},
		{"task submit --kind k --step s", "--step"},
		{"task submit --kind k --lines 1", "no PAYLOAD"},
		{"task submit --kind k --lines --id i", "--id"},
		{"task submit --kind k --lines --wait", "ha task batch"},
		{"task submit --kind k --lines --tasks", "--tasks"},
		{"task submit --kind k --patient", "--lines"},
		{"task submit --kind k --run-at tomorrow", "tomorrow"},
		{"task submit --kind k --run-at 9999-01-01T00:00:00Z", "2261"},
		{"task submit --kind k --expires-in 1s --expires-at +1s", "--expires-at"},
		{"task submit --kind k --expires-in 0s", "--expires-in"},
		{"task submit --kind k --attempt-timeout 1000h", "timeout_ms"},
		{"task submit --kind k --backoff 0s", "--backoff must be more than 0"},
		{"task submit --kind k --max-attempts 0", "--max-attempts"},
		{"task submit --kind k --jitter 2", "jitter"},
		{"task submit --kind k --priority 1001", "priority"},
		{"task submit --kind k --label l", "name=value"},
		{"task submit --kind k --metadata {", "--metadata"},
		{"task submit --kind k --id i --after i", "itself"},
		{"task submit --kind k --on-upstream-failure hope", "hope"},
		{"task submit --kind k --timeout 0", "--timeout"},
		{"task get", "at least one task"},
		{"task get a.b", "a.b"},
		{"task list --state sleeping", "sleeping"},
		{"task list --limit -1", "--limit"},
		{"task list --pool a.b", "--pool"},
		{"task wait", "at least one task"},
		{"task wait t --for -1s", "--for"},
		{"task watch a b", "at most 1"},
		{"task watch a.b", "a.b"},
		{"task run", "at least one task"},
		{"task run a.b", "a.b"},
		{"task delete", "at least one task"},
		{"task delete --kind k", "--kind"},
		{"task retry", "--kind"},
		{"task retry t --kind k", "--kind"},
		{"task pull --limit 0", "1000"},
		{"task pause", "either --kind or --pool"},
		{"task resume --kind k --pool p", "either --kind or --pool"},
		{"task limit --concurrency 1", "--key"},
		{"task limit --kind k --rate 1 --remove", "--remove"},
		{"task limit --pool p --rate 1", "only a kind"},
		{"task limit --kind k --burst 2", "burst"},
		{"task limit --key k --concurrency -1", "concurrency"},
		{"task batch", "one batch"},
		{"task batch b --then k", "--close"},
		{"task batch b --close --then-payload 1", "--then"},
		{"task batch b --close --then k --then-payload {", "JSON"},
		{"task stats --watch=1ms", "--watch"},
		{"bench --tasks 0", "--tasks"},
		{"bench --batch 10001", "10000"},
		{"bench now", "takes no arguments"},
	} {
		t.Run(fmt.Sprintf("%.80s", c.args), func(t *testing.T) {
			status, stdout, stderr := call(t, nil, strings.Split(c.args, " ")...)
			if status != cli.ExitUsage || stdout != "" || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "--help' for usage") {
				t.Errorf("ha %.80s: exit status %d, want %d with %q; stdout %q, stderr %q", c.args, status, cli.ExitUsage, c.want, stdout, stderr)
			}
			checkPlain(t, stderr)
		})
	}
}

// checkPlain looks for messages that say something twice, and for words of the program's inside.
func checkPlain(t *testing.T, stderr string) {
	t.Helper()
	for line := range strings.Lines(stderr) {
		clauses := strings.Split(strings.TrimSpace(line), ": ")
		slices.Sort(clauses)
		if len(slices.Compact(slices.Clone(clauses))) != len(clauses) {
			t.Errorf("it says things twice: %q", line)
		}
		for _, inside := range []string{"context deadline", "context canceled", "strconv", "parsing", "json:", "Go value", "Go struct", "pflag", "time: ", "invalid argument", "%!", " 0x", "(0x"} {
			if strings.Contains(line, inside) {
				t.Errorf("%q is nothing to people: %q", inside, line)
			}
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
		t.Run(variable, func(t *testing.T) {
			status, _, stderr := call(t, map[string]string{variable: "purple"}, args)
			if status != cli.ExitUsage || !strings.Contains(stderr, variable) || !strings.Contains(stderr, "purple") {
				t.Errorf("%s: exit status %d, stderr %q", variable, status, stderr)
			}
		})
	}
}

// A variable that looks like a flag's and is none is told of, whatever else becomes of the command.
func TestAMistypedVariableIsToldOf(t *testing.T) {
	env := map[string]string{
		"HA_SERVR": "nats://h", "HA_PRIORITTY": "1", "HA_TASK_ID": "t", "HA_TASK_LABEL_poool": "x", "HA_SERVER": "nats://127.0.0.1:1", "HA_TIMEOUT": "1ms", "HA_POST": "x",
		"HA_SERVICE_HOST": "10.0.0.1", "HA_DISPATCHER_PORT": "tcp://10.0.0.1:4222", "SERVR": "x", "HA": "x", "HA_": "x",
	}
	status, _, stderr := call(t, env, "task", "list")
	if status != cli.ExitFailed || !strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("exit status %d, stderr %q", status, stderr)
	}
	for _, want := range []string{
		"ha: the environment variable HA_SERVR is unknown and has no effect; did you mean HA_SERVER?\n",
		"ha: the environment variable HA_PRIORITTY is unknown and has no effect; did you mean HA_PRIORITY?\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in %q", want, stderr)
		}
	}
	if n := strings.Count(stderr, "did you mean"); n != 2 {
		t.Errorf("%d variables are told of: %q", n, stderr)
	}
	if _, stdout, stderr := call(t, env, "__complete", "task", "li"); stderr != "Completion ended with directive: ShellCompDirectiveNoFileComp\n" {
		t.Errorf("completion says %q, %q", stdout, stderr)
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
		"task --help":      "ha task wait",
		"worker -h":        "EX_DATAERR",
		"bench --help":     "[$HA_SUBMITTERS]",

		"task submit --help":               "[$HA_EXPIRES_IN]",
		"__complete task list --state pen": "pending",
	} {
		t.Run(args, func(t *testing.T) {
			status, stdout, stderr := call(t, map[string]string{"HA_LOG_LEVEL": "info"}, strings.Fields(args)...)
			if status != cli.ExitOK || !strings.Contains(stdout, want) {
				t.Errorf("ha %s: exit status %d, stdout %.300q, stderr %q", args, status, stdout, stderr)
			}
		})
	}
}
