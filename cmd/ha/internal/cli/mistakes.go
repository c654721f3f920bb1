package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/internal/text"
)

// named returns the name of a command in a message, which begins with the program's.
func named(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// NoArgs refuses arguments.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return BadUsage("%s takes no arguments, got %s", named(cmd), text.Quote(args[0]))
}

// OneArg refuses more than one argument.
func OneArg(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return BadUsage("%s takes at most 1 argument, got %d", named(cmd), len(args))
}

// SubcommandArgs are the arguments of a command that does nothing but hold others: none.
func SubcommandArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(cmd, args[0])
}

// unknownCommand is the error of a command that is not below cmd.
func unknownCommand(cmd *cobra.Command, name string) error {
	var known []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	path := cmd.CommandPath() + " "
	if nearest, ok := text.Nearest(name, known); ok {
		return BadUsage("there is no command %s; did you mean %s?", text.Quote(path+name), text.Quote(path+nearest))
	}
	return BadUsage("there is no command %s", text.Quote(path+name))
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 {
		return unknownCommand(cmd, args[0]) // whose flags they are
	}
	var unknown *pflag.NotExistError
	var valueless *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &valueless):
		return BadUsage("--%s needs a value", valueless.GetFlag().Name)
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return badValue("--"+f.Name, f, invalid.GetValue(), errors.Unwrap(invalid))
	case errors.As(err, &syntax):
		return BadUsage("%s is no flag", text.Quote(syntax.GetSpecifiedFlag()))
	}
	return err
}

func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		return BadUsage("there is no flag -%s", text.Abbreviate(letters))
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	name := text.Abbreviate(unknown.GetSpecifiedName())
	if nearest, ok := text.Nearest(unknown.GetSpecifiedName(), known); ok {
		return BadUsage("there is no flag --%s; did you mean --%s?", name, nearest)
	}
	return BadUsage("there is no flag --%s", name)
}

// badValue is the error of a value that a flag does not take, in words: those of the
// flag's type, or those of err, which then say what it must be. what is the flag, or its
// variable.
func badValue(what string, f *pflag.Flag, value string, err error) error {
	must := err.Error()
	switch f.Value.Type() {
	case "duration":
		must = "must be a duration such as 500ms, 10s or 1h30m"
	case "int", "int64":
		must = "must be a whole number"
	case "uint64":
		must = "must be a whole number that is not negative"
	case "float64":
		must = "must be a number"
	case "bool":
		must = "must be true or false"
	case "stringSlice":
		must = "must be a list with commas, each item in double quotes or without any"
	}
	if errors.Is(err, strconv.ErrRange) {
		must += " and is out of range"
	}
	return BadUsage("%s %s, got %s", what, must, text.Quote(value))
}

// adoptHelp makes the help of a command that does not exist a mistake too.
func adoptHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	all := root.Commands()
	i := slices.IndexFunc(all, func(c *cobra.Command) bool { return c.Name() == "help" })
	if i < 0 {
		return
	}
	all[i].Run = nil
	all[i].RunE = func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil {
			return err
		}
		if len(rest) > 0 && cmd.HasSubCommands() {
			return unknownCommand(cmd, rest[0])
		}
		if len(rest) > 0 {
			return BadUsage("%s has no commands below it, got %s", named(cmd), text.Quote(rest[0]))
		}
		cmd.InitDefaultHelpFlag()
		return cmd.Help()
	}
}
