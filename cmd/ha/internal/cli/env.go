package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Environment is the values of the environment's variables by their names.
type Environment map[string]string

// NewEnvironment returns the environment that a list such as os.Environ returns describes.
func NewEnvironment(list []string) Environment {
	e := make(Environment, len(list))
	for _, v := range list {
		if name, value, ok := strings.Cut(v, "="); ok {
			e[name] = value
		}
	}
	return e
}

// Get returns the variable's value, or nothing if it is not set.
func (e Environment) Get(name string) string { return e[name] }

// Variable names the environment variable of a flag: "work-min" is HA_WORK_MIN.
func Variable(flag string) string {
	return "HA_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// bound tells whether a flag can be given in the environment. What cobra adds
// to every command cannot.
func bound(f *pflag.Flag) bool { return f.Name != "help" && f.Name != "version" }

// bindEnvironment gives every flag that was not set on the command line the
// value of its variable, if there is one. An empty variable is as good as none.
// The flags it set count as changed. The error names the variable.
func bindEnvironment(flags *pflag.FlagSet, env Environment) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		value := env.Get(Variable(f.Name))
		if f.Changed || failed != nil || !bound(f) || value == "" {
			return
		}
		// Set through the value: the flag set's own Set blames the flag, which the person never typed.
		if err := f.Value.Set(value); err != nil {
			failed = BadUsage("environment variable %s: invalid value %q: %w", Variable(f.Name), value, err)
			return
		}
		f.Changed = true
	})
	return failed
}

// showVariables adds the variable to the help of every flag of cmd and of
// the commands below it.
func showVariables(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if bound(f) {
			f.Usage += " [$" + Variable(f.Name) + "]"
		}
	})
	for _, sub := range cmd.Commands() {
		showVariables(sub)
	}
}
