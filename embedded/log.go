package embedded

import (
	"fmt"
	"strings"

	"github.com/rs/zerolog"
)

// serverLog is the logger that nats-server writes to. Its methods may be called
// with any of the server's locks held, so none may call the server.
type serverLog struct {
	log zerolog.Logger
	// fail is told of every fatal error. It must not block.
	fail func(error)
}

// The levels are one lower than the server's own up to its notices: a server that
// is well says nothing at level info.

func (l *serverLog) Tracef(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warn().Msgf(format, v...) }

// Errorf makes a warning of a peer that cannot be reached, which is how every new
// cluster begins.
func (l *serverLog) Errorf(format string, v ...any) {
	if strings.HasPrefix(format, "Error trying to connect to route") {
		l.Warnf(format, v...)
		return
	}
	l.log.Error().Msgf(format, v...)
}

// Fatalf reports that the server cannot go on. It returns, unlike nats-server's
// own.
func (l *serverLog) Fatalf(format string, v ...any) {
	err := &fatalError{message: fmt.Sprintf(format, v...)}
	for _, arg := range v {
		if cause, ok := arg.(error); ok {
			err.cause = cause
		}
	}
	l.log.Error().Msg(err.message)
	l.fail(err)
}

// debugs reports whether anybody would see the server's debug lines, which cost it
// something to make.
func debugs(log zerolog.Logger) bool {
	return log.GetLevel() <= zerolog.TraceLevel && zerolog.GlobalLevel() <= zerolog.TraceLevel
}

// fatalError is one call of Fatalf. The message holds the text of the cause
// already; the cause is kept to be told apart.
type fatalError struct {
	message string
	cause   error
}

func (e *fatalError) Error() string { return ErrFailed.Error() + ": " + e.message }

func (e *fatalError) Unwrap() []error {
	if e.cause == nil {
		return []error{ErrFailed}
	}
	return []error{ErrFailed, e.cause}
}
