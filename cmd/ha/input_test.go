package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

const (
	mark    = "\ufeff"
	utf16le = "\xff\xfe1\x00\n\x00"
	utf16be = "\xfe\xff\x001\x00\n"
)

// Files of other systems: a byte order mark, and lines that end with a carriage return.
func TestInputOfOtherSystems(t *testing.T) {
	f := withSomeTasks(t)
	for name, c := range map[string]struct {
		stdin  string
		args   string
		status int
		stdout string
		stderr string
	}{
		"ids":              {mark + "done\r\nbroken\r\n", "wait - --json", cli.ExitFailed, `{"id":"done"`, "1 of 2 tasks did not complete"},
		"a single id":      {mark + "done\r\n", "get -", cli.ExitOK, "task    done\n", ""},
		"lines":            {mark + "1\r\n2\r\n", "submit --kind k --lines --json", cli.ExitOK, `{"line":2`, "submitted 2 tasks"},
		"tasks":            {mark + `{"id":"m1","kind":"k"}` + "\r\n" + `{"id":"m2","kind":"k"}` + "\r\n", "submit --tasks", cli.ExitOK, "m1\nm2\n", "submitted 2 tasks"},
		"payload":          {mark + "{\"a\":\r\n1}\r\n", "submit --kind k --id m3 -", cli.ExitOK, "m3\n", ""},
		"text":             {mark + "hello\r\n", "submit --kind k --id m4 --text -", cli.ExitOK, "m4\n", ""},
		"ids in UTF-16":    {utf16le, "wait -", cli.ExitFailed, "", "UTF-16"},
		"tasks in UTF-16":  {utf16be, "submit --tasks", cli.ExitFailed, "", "UTF-16"},
		"lines in UTF-16":  {utf16le, "submit --kind k --lines", cli.ExitFailed, "", "UTF-16"},
		"a text in UTF-16": {utf16le, "submit --kind k --text -", cli.ExitUsage, "", "UTF-16"},
		"text of no sort":  {"caf\xe9", "submit --kind k --text -", cli.ExitUsage, "", "UTF-8"},
		"a mark alone":     {mark, "submit --kind k --lines", cli.ExitOK, "", "submitted 0 tasks"},
		"nothing":          {"", "submit --kind k --lines", cli.ExitOK, "", "submitted 0 tasks"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := f.call(t, c.stdin, append([]string{"task"}, strings.Fields(c.args)...)...)
			if status != c.status || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit status %d, want %d\nstdout %q\nstderr %q", status, c.status, stdout, stderr)
			}
		})
	}
	if got := string(f.record("m3").Payload); got != "{\"a\":\r\n1}" {
		t.Errorf("payload %q", got)
	}
	if got := string(f.record("m4").Payload); got != `"hello"` {
		t.Errorf("payload %q", got)
	}
	file := filepath.Join(t.TempDir(), "tasks.jsonl")
	if err := os.WriteFile(file, []byte(mark+`{"id":"m5","kind":"k"}`+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := f.call(t, "", "task", "submit", "--tasks", "--file", file); status != cli.ExitOK || stdout != "m5\n" {
		t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}
