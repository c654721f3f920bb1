package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/internal/text"
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
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
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
			failed = badValue("the environment variable "+Variable(f.Name), f, value, err)
			return
		}
		f.Changed = true
	})
	return failed
}

// taskVariables are those by which a worker tells a program of its task, which may run ha
// itself; those of labels begin with labelVariable.
var taskVariables = []string{
	"HA_TASK_ID", "HA_TASK_KIND", "HA_TASK_POOL", "HA_TASK_ATTEMPT", "HA_TASK_STEP", "HA_TASK_STEPS",
	"HA_TASK_FAILURES", "HA_TASK_PRIORITY", "HA_TASK_SUBMITTED_AT",
	"HA_TASK_TIMEOUT_MS", "HA_TASK_METADATA", "HA_TASK_LABELS", "HA_TASK_RUN",
}

const (
	variablePrefix = "HA_"
	labelVariable  = "HA_TASK_LABEL_"
)

// warnOfUnknown tells of variables that look like those of flags, and are none: they would
// be ignored without a word.
func (a *App) warnOfUnknown(root *cobra.Command) error {
	known := slices.Clone(taskVariables)
	addVariables(root, &known)
	words := make([]string, 0, len(known))
	for _, name := range known {
		words = append(words, strings.TrimPrefix(name, variablePrefix))
	}
	slices.Sort(words)
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		word, ours := strings.CutPrefix(name, variablePrefix)
		if !ours || slices.Contains(words, word) || strings.HasPrefix(name, labelVariable) {
			continue
		}
		if nearest, ok := text.Nearest(word, words); ok {
			_, err := fmt.Fprintf(a.Stderr, "ha: the environment variable %s is unknown and has no effect; did you mean %s?\n",
				text.Escape(name), variablePrefix+nearest)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// addVariables adds the variables of the flags of cmd and of the commands below it.
func addVariables(cmd *cobra.Command, to *[]string) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if bound(f) {
			*to = append(*to, Variable(f.Name))
		}
	})
	for _, sub := range cmd.Commands() {
		addVariables(sub, to)
	}
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
