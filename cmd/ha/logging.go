package main

import (
	"io"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// logFlag adds --log-level to cmd and returns where its value will be.
func logFlag(cmd *cobra.Command, level zerolog.Level) *levelValue {
	v := levelValue(level)
	cmd.Flags().Var(&v, "log-level", "what to log: "+levelNames)
	_ = cmd.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(
		[]cobra.Completion{"trace", "debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	return &v
}

// logger writes to standard error: for people where that is a terminal, a JSON
// object a line otherwise.
func (a *app) logger(level *levelValue) zerolog.Logger {
	out := a.stderr
	if isTerminal(out) {
		_, plain := a.env("NO_COLOR")
		out = zerolog.ConsoleWriter{Out: out, NoColor: plain, TimeFormat: "15:04:05.000"}
	}
	return zerolog.New(zerolog.SyncWriter(out)).Level(zerolog.Level(*level)).With().Timestamp().Logger()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

const levelNames = "trace, debug, info, warn or error"

// levelValue is the value of --log-level.
type levelValue zerolog.Level

var _ pflag.Value = (*levelValue)(nil)

func (v *levelValue) String() string { return zerolog.Level(*v).String() }
func (v *levelValue) Type() string   { return "level" }

func (v *levelValue) Set(s string) error {
	switch s {
	case "trace", "debug", "info", "warn", "error":
		level, err := zerolog.ParseLevel(s)
		*v = levelValue(level)
		return err
	}
	return badUsage("log level must be %s", levelNames)
}
