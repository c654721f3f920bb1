package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal returns a context that the first SIGINT or SIGTERM ends: the
// command then stops in order. A second signal ends the process at once, for
// the person who does not want to wait for that. The returned function gives
// signals back their usual meaning.
//
// A reader that went away is an error of the write, as a full disk is, and does not end
// the process without a word. Programs that this process starts have SIGPIPE as usual.
func UntilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // to ignore it, programs would inherit
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for range 2 {
			var s os.Signal
			select {
			case s = <-signals:
			case <-done:
				return
			}
			if ctx.Err() != nil {
				os.Exit(ExitInterrupted)
			}
			cancel(signalError{s})
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// signalError is why a command ends that was sent a signal. It matches [context.Canceled].
type signalError struct{ os.Signal }

// Error names the signal as people do.
func (e signalError) Error() string {
	if e.Signal == syscall.SIGTERM {
		return "received SIGTERM"
	}
	return "received SIGINT"
}

// Is reports whether target is what the end of a context is otherwise.
func (signalError) Is(target error) bool { return target == context.Canceled }
