package program

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	ha "github.com/seed261fe303/ha"
)

// taskVariable begins the names of all variables that tell of the task.
const taskVariable = "HA_TASK_"

// environment is what a program is given: what the worker has, less what tells
// of another task, and what there is to know of its own.
func environment(inherited []string, t ha.Task) []string {
	env := slices.DeleteFunc(slices.Clone(inherited), func(v string) bool { return strings.HasPrefix(v, taskVariable) })
	set := func(name, value string) {
		env = append(env, taskVariable+name+"="+strings.ReplaceAll(value, "\x00", "")) // which no variable can hold
	}
	set("ID", string(t.ID))
	set("KIND", t.Kind)
	set("POOL", t.Pool)
	set("ATTEMPT", strconv.Itoa(t.Attempt))
	set("STEP", strconv.Itoa(t.Step))
	set("STEPS", strconv.Itoa(t.Steps))
	set("TIMEOUT_MS", fmt.Sprint(ha.Milliseconds(t.Timeout)))
	if len(t.Metadata) > 0 {
		set("METADATA", string(t.Metadata))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		set("LABEL_"+strings.ReplaceAll(name, "-", "_"), t.Labels[name]) // shells know no '-' in names
	}
	return env
}
