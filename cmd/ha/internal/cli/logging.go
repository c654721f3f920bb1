package cli

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/internal/text"
)

// LogFlag adds --log-level to cmd and returns where its value will be.
func LogFlag(cmd *cobra.Command, level zerolog.Level) *Level {
	v := Level(level)
	cmd.Flags().Var(&v, "log-level", "what to log: "+LevelNames)
	_ = cmd.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(
		[]cobra.Completion{"trace", "debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	return &v
}

// Logger writes to standard error: for people where that is a terminal, a JSON
// object a line otherwise.
func (a *App) Logger(level *Level) zerolog.Logger {
	out := a.Stderr
	if IsTerminal(out) {
		_, plain := a.Env["NO_COLOR"]
		out = console(Raw(out), plain)
	}
	return zerolog.New(zerolog.SyncWriter(out)).Level(zerolog.Level(*level)).With().Timestamp().Logger()
}

// console writes a log for people. It makes colours, and quotes the fields that are
// strings; what it would write as it is, is escaped before.
func console(out io.Writer, plain bool) io.Writer {
	return zerolog.ConsoleWriter{Out: out, NoColor: plain, TimeFormat: "15:04:05.000", FormatPrepare: escapeEvent}
}

func escapeEvent(event map[string]any) error {
	for field, value := range event {
		switch v := value.(type) {
		case string:
			if field == zerolog.MessageFieldName {
				event[field] = text.Escape(v)
			}
		case []any, map[string]any:
			raw, err := json.Marshal(v)
			if err != nil {
				return err
			}
			event[field] = json.RawMessage(text.EscapeJSON(raw))
		}
	}
	return nil
}

// IsTerminal reports whether what is written to w is read by a person.
func IsTerminal(w io.Writer) bool {
	f, ok := Raw(w).(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// LevelNames are the values of --log-level.
const LevelNames = "trace, debug, info, warn or error"

// Level is the value of --log-level.
type Level zerolog.Level

var _ pflag.Value = (*Level)(nil)

// String returns the level's name.
func (v *Level) String() string { return zerolog.Level(*v).String() }

// Type names the sort of value in the help.
func (v *Level) Type() string { return "level" }

// Set accepts one of [LevelNames]. The error says so.
func (v *Level) Set(s string) error {
	switch s {
	case "trace", "debug", "info", "warn", "error":
		level, err := zerolog.ParseLevel(s)
		*v = Level(level)
		return err
	}
	return errors.New("must be " + LevelNames)
}
