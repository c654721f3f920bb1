package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// The first signal ends a command that reads what nobody writes.
func TestASignalEndsTheReadingOfStandardInput(t *testing.T) {
	f := startFakeTasks(t)
	for name, args := range map[string][]string{
		"wait":    {"task", "wait", "-"},
		"get":     {"task", "get", "-"},
		"cancel":  {"task", "cancel", "-"},
		"retry":   {"task", "retry", "-"},
		"run":     {"task", "run", "-"},
		"delete":  {"task", "delete", "-"},
		"payload": {"task", "submit", "--kind", "k", "-"},
		"text":    {"task", "submit", "--kind", "k", "--text", "-"},
		"file":    {"task", "submit", "--kind", "k", "--file", "-"},
		"lines":   {"task", "submit", "--kind", "k", "--lines"},
		"tasks":   {"task", "submit", "--tasks", "--file", "-"},
		"restore": {"restore", "-"},
	} {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(fmt.Sprint(name, " ", s), func(t *testing.T) {
				t.Parallel()
				reader, writer, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _, _ = reader.Close(), writer.Close() }()
				p := startReading(t, reader, []string{"NATS_URL=" + f.url}, args...)
				// It waits for its input when all that was written is gone.
				if _, err := writer.WriteString("1"); err != nil {
					t.Fatal(err)
				}
				eventually.Nil(t, patience, func() error { return isEmpty(reader) })
				p.signal(t, s)
				if status := p.status(t, patience); status != cli.ExitFailed {
					t.Errorf("exit status %d, want %d", status, cli.ExitFailed)
				}
				if got := p.stderr.String(); !strings.Contains(got, "stopped before") {
					t.Errorf("standard error %q", got)
				}
			})
		}
	}
}

// isEmpty returns an error while there is something in a pipe.
func isEmpty(pipe *os.File) error {
	n, err := unix.IoctlGetInt(int(pipe.Fd()), unix.TIOCINQ)
	if err == nil && n > 0 {
		err = errors.New("the pipe is not empty")
	}
	return err
}

// A full disk and a reader that went away are failures with a message, whatever is written.
func TestOutputThatFailsIsSaidSo(t *testing.T) {
	f := withSomeTasks(t)
	f.with(func() {
		f.instead = func(what string) any {
			if what != subjects.TaskPull {
				return nil
			}
			return subjects.Pulled{Results: []ha.TaskResult{{ID: "done", Kind: "k", Result: json.RawMessage("1")}}}
		}
	})
	for name, args := range map[string][]string{
		"pull": {"task", "pull"}, "pull again": {"task", "pull", "--receipt", "r"},
		"get": {"task", "get", "done"}, "get JSON": {"task", "get", "done", "--json"}, "list": {"task", "list"}, "list JSON": {"task", "list", "--json"},
		"wait": {"task", "wait", "done"}, "cancel": {"task", "cancel", "done"}, "run": {"task", "run", "done"}, "delete": {"task", "delete", "done"}, "stats": {"task", "stats"}, "batch": {"task", "batch", "night"},
		"submit": {"task", "submit", "--kind", "k"}, "submit and wait": {"task", "submit", "--kind", "k", "--id", "done", "--wait"},
		"version": {"version"}, "--version": {"--version"}, "help": {"--help"}, "help of a command": {"help", "task"}, "completion": {"completion", "bash"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = full.Close() }()
			reader, gone, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = gone.Close() }()
			if err := reader.Close(); err != nil {
				t.Fatal(err)
			}
			for _, out := range []struct {
				file *os.File
				want error
			}{{full, syscall.ENOSPC}, {gone, syscall.EPIPE}} {
				p := startWriting(t, out.file, []string{"NATS_URL=" + f.url}, args...)
				status, said := p.status(t, patience), p.stderr.String()
				if want := "write to standard output: " + out.want.Error(); status != cli.ExitFailed || !strings.Contains(said, want) {
					t.Errorf("exit status %d, want %d with %q: %q", status, cli.ExitFailed, want, said)
				}
				if strings.HasPrefix(name, "pull") && !strings.Contains(said, "0 of 1 results printed, all of them come again with --receipt ") {
					t.Errorf("it does not say how to get the results: %q", said)
				}
			}
		})
	}
}
