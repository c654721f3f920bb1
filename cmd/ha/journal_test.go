package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
)

// journalLine is what the tests look at of a line.
type journalLine struct {
	Seq                uint64 `json:"seq"`
	Kind, Record, Name string
}

func journalLines(t *testing.T, text string) (lines []journalLine) {
	t.Helper()
	for line := range strings.Lines(text) {
		var l journalLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, l)
	}
	return lines
}

func TestJournalCommands(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "--journal", "jetstream", "--replicas", "1", "--lease", "300ms", "--activate-every", "10ms", "--log-level", "warn")
	tail := start(t, nil, "journal", "tail", "--server", f.url)
	f.startWorker(t, "east", 2)
	eventually.Nil(t, patience, func() error { return contains(&tail.stdout, `"record":"ended"`, 3) })
	tail.signal(t, syscall.SIGINT)
	if got := tail.status(t, patience); got != cli.ExitOK {
		t.Errorf("tail: exit status %d", got)
	}
	journal := func(args ...string) (int, string, string) {
		return call(t, map[string]string{"NATS_URL": f.url}, append([]string{"journal"}, args...)...)
	}
	status, stdout, stderr := journal("show")
	lines := journalLines(t, stdout)
	if status != cli.ExitOK || stderr != "" || len(lines) < 5 || lines[0].Kind != "claim" || lines[1].Record != "elected" {
		t.Fatalf("exit status %d, stdout %s, stderr %s", status, stdout, stderr)
	}
	for _, want := range []string{`"record":"registered","order":1,"worker":"`, `"name":"east"`, `"record":"activated"`, `"outcome":"done"`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s is not shown:\n%s", want, stdout)
		}
	}
	_, some, _ := journal("show", "--from", "2", "--to", "4", "--all")
	for _, l := range journalLines(t, some) {
		if l.Seq < 2 || l.Seq > 4 {
			t.Errorf("entry %d is not among 2 to 4", l.Seq)
		}
	}
	if _, two, _ := journal("tail", "--from", "1", "--limit", "2"); len(journalLines(t, two)) != 2 {
		t.Errorf("two lines asked for, got %s", two)
	}
	if status, out, errs := journal("verify"); status != cli.ExitOK || !strings.Contains(out, fmt.Sprintf("HA-ha: all is well: format %d, entries 1 to ", dispatcher.NewestFormat)) {
		t.Errorf("verify: exit status %d, %s%s", status, out, errs)
	}
	js, err := jetstream.New(f.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "HA-ha")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b")
	if status, _, errs := call(t, map[string]string{"NATS_URL": f.url}, "backup", file); status != cli.ExitFailed || !strings.Contains(errs, "was not saved") {
		t.Errorf("a backup of a damaged journal: exit status %d, %s", status, errs)
	}
	if status, out, errs := call(t, map[string]string{"NATS_URL": f.url}, "backup", "--damaged", file); status != cli.ExitOK || !strings.Contains(out, "1 entries are missing") {
		t.Errorf("a backup of what is left: exit status %d, %s%s", status, out, errs)
	}
	if status, out, errs := journal("verify"); status != cli.ExitFailed || !strings.Contains(out, "entry 4: the entries 3 to 3 before it are missing") ||
		!strings.Contains(errs, "damaged: 1 problems, the first at entry 4") {
		t.Errorf("verify of a damaged one: exit status %d, %s%s", status, out, errs)
	}
	if status, out, _ := journal("verify", "--json"); status != cli.ExitFailed || !strings.Contains(out, `"seq": 4`) {
		t.Errorf("verify --json of a damaged one: exit status %d, %s", status, out)
	}
}

func TestRenewalsAreShownWithAllOnly(t *testing.T) {
	f := startFleet(t, "--lease", "100ms")
	renewals := func(args ...string) (n int, last uint64) {
		status, stdout, stderr := call(t, nil, append([]string{"journal", "show", "--server", f.url}, args...)...)
		if status != cli.ExitOK {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		for _, l := range journalLines(t, stdout) {
			if l.Kind == "batch" && l.Record == "" {
				n++
			}
			last = l.Seq
		}
		return n, last
	}
	eventually.Nil(t, patience, func() error {
		if n, _ := renewals("--all"); n < 3 {
			return fmt.Errorf("%d renewals", n)
		}
		return nil
	})
	if n, _ := renewals(); n != 0 {
		t.Errorf("%d renewals are shown without --all", n)
	}
	if n, last := renewals("--all", "--from", "3", "--to", "4"); n != 2 || last != 4 {
		t.Errorf("%d renewals, the last entry is %d", n, last)
	}
}

func TestJournalOfNobody(t *testing.T) {
	server, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	for _, command := range []string{"tail", "show", "verify"} {
		status, stdout, stderr := call(t, nil, "journal", command, "--server", server.URL())
		if status != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, "stream HA-ha does not exist") {
			t.Errorf("journal %s: exit status %d, %s%s", command, status, stdout, stderr)
		}
	}
}

func TestBadUsageOfTheJournal(t *testing.T) {
	for args, want := range map[string]string{
		"journal walk":                                  `there is no command "ha journal walk"`,
		"journal show now":                              `journal show takes no arguments, got "now"`,
		"journal show --from -1":                        "--from",
		"journal show --from 5 --to 4":                  "--to must not be lower",
		"journal show --limit x":                        "--limit",
		"journal verify --timeout 0s":                   "--timeout",
		"journal tail --prefix a..b":                    "a..b",
		"journal verify --all":                          "--all",
		"dispatcher --listen 127.0.0.1:0 --journal usb": "auto, jetstream or memory",
		"dispatcher --listen 127.0.0.1:0 --replicas 2":  "1, 3 or 5",
		"dispatcher --listen 127.0.0.1:0 --lease 1ms":   "from 100ms to 30s",
	} {
		t.Run(args, func(t *testing.T) {
			status, stdout, stderr := call(t, nil, strings.Split(args, " ")...)
			if status != cli.ExitUsage || stdout != "" || !strings.Contains(stderr, want) {
				t.Errorf("ha %s: exit status %d, want %d with %q; stdout %q, stderr %q", args, status, cli.ExitUsage, want, stdout, stderr)
			}
		})
	}
	if status, stdout, _ := call(t, nil, "journal"); status != cli.ExitOK || !strings.Contains(stdout, "verify") {
		t.Errorf("exit status %d: %s", status, stdout)
	}
}
