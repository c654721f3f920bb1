package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/worker"
)

// How a handler ended, as the ledger says it.
const (
	endDone   = "done"
	endFailed = "failed"
	// What ended early says by what: its time, a cancellation of the task, a stop of the
	// worker, its removal, or the loss of the dispatcher.
	endTimedOut  = "timed_out"
	endCancelled = "cancelled"
	endStopping  = "stopping"
	endForgotten = "forgotten"
	endLost      = "lost"
)

// journalist writes the ledger of one worker process: a line before each handler,
// and one after it, before anybody is told of its end. What is written outlives a
// kill of the process.
type journalist struct{ file *os.File }

func newJournalist(path string) (*journalist, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &journalist{file}, nil
}

// line writes one line. A worker that cannot is of no use as a witness.
func (j *journalist) line(format string, args ...any) {
	if _, err := fmt.Fprintf(j.file, format+"\n", args...); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

// around is the middleware that writes the ledger.
func (j *journalist) around(next worker.TaskHandler) worker.TaskHandler {
	return func(ctx context.Context, t ha.Task) (result any, err error) {
		j.line("S %s %d %d %s %s %d", t.ID, t.Step, t.Attempt, t.Activation.ID, t.Activation.Worker, time.Now().UnixNano())
		how := endFailed // if it panics
		defer func() { j.line("E %s %s %d", t.Activation.ID, how, time.Now().UnixNano()) }()
		result, err = next(ctx, t)
		how = ending(ctx, err)
		return result, err
	}
}

// ending says how a handler ended that returned err.
func ending(ctx context.Context, err error) string {
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		return endDone
	case cause == nil:
		return endFailed
	case errors.Is(cause, worker.ErrTimedOut):
		return endTimedOut
	case errors.Is(cause, worker.ErrStopping):
		return endStopping
	case errors.Is(cause, worker.ErrForgotten):
		return endForgotten
	case errors.Is(cause, ha.ErrDispatcherLost):
		return endLost
	}
	return endCancelled
}

// attempt is one run of a handler, as the ledger of its worker has it.
type attempt struct {
	task       ha.TaskID
	step       int
	number     int // counts from 1 at each step
	activation ha.ActivationID
	worker     ha.WorkerID
	process    *workerProcess
	start      time.Time
	end        time.Time // zero: the ledger has none
	how        string
}

// reader reads a ledger while it is written.
type reader struct {
	path   string
	offset int64
}

// lines returns what was written since the last call, as far as it is whole lines.
func (r *reader) lines() ([][]byte, error) {
	file, err := os.Open(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // its worker has not come to that
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(r.offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	r.offset += int64(whole)
	return bytes.Split(text[:max(whole-1, 0)], []byte("\n")), nil
}
