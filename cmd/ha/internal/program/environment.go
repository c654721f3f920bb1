package program

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
)

// taskVariable begins the names of all variables that tell of the task.
const taskVariable = "HA_TASK_"

// markVariable is by what the descendants of a program are found again.
const markVariable = taskVariable + "RUN"

// environment is what a program is given: what the worker has, less what tells
// of another task, and what there is to know of its own.
func environment(inherited []string, t ha.Task, mark string) []string {
	env := withoutTask(inherited)
	set := func(name, value string) {
		env = append(env, taskVariable+name+"="+strings.ReplaceAll(value, "\x00", "")) // which no variable can hold
	}
	set("ID", string(t.ID))
	set("KIND", t.Kind)
	set("POOL", t.Pool)
	set("ATTEMPT", strconv.Itoa(t.Attempt))
	set("FAILURES", strconv.Itoa(t.Failures))
	set("PRIORITY", strconv.Itoa(t.Priority))
	if !t.SubmittedAt.IsZero() {
		set("SUBMITTED_AT", t.SubmittedAt.UTC().Format(time.RFC3339Nano))
	}
	set("STEP", strconv.Itoa(t.Step))
	set("STEPS", strconv.Itoa(t.Steps))
	set("TIMEOUT_MS", fmt.Sprint(ha.Milliseconds(t.Timeout)))
	if len(t.Metadata) > 0 {
		set("METADATA", string(t.Metadata))
	}
	if len(t.Labels) > 0 {
		all, err := json.Marshal(t.Labels)
		if err == nil { // strings can be encoded
			set("LABELS", string(all))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		variable := strings.ReplaceAll(name, "-", "_") // shells know no '-' in names
		if labelOf(variable, t.Labels) == name {
			set("LABEL_"+variable, t.Labels[name])
		}
	}
	return append(env, markVariable+"="+mark)
}

// labelOf returns which of the labels a variable is of: that of its very name or, if there
// is none, the first in the order of their bytes.
func labelOf(variable string, labels map[string]string) string {
	if _, ok := labels[variable]; ok {
		return variable
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if strings.ReplaceAll(name, "-", "_") == variable {
			return name
		}
	}
	return ""
}

func withoutTask(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, taskVariable) })
}
