package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/text"
)

// shownBytes is how much of a payload or a result is shown to people.
const shownBytes = 2000

// note says in a few words why a task is where it is.
func note(r ha.TaskRecord, now time.Time) string {
	var parts []string
	if r.State == ha.TaskScheduled && !r.RunAt.IsZero() {
		parts = append(parts, "due in "+Span(max(0, r.RunAt.Sub(now))))
	}
	if p := r.Progress; p != nil && r.State == ha.TaskRunning {
		parts = append(parts, progressText(*p))
	}
	if r.Reason != "" {
		parts = append(parts, r.Reason)
	}
	if r.Error != "" && r.State != ha.TaskCompleted {
		parts = append(parts, cut(oneLine(r.Error), 100))
	}
	return strings.Join(parts, ": ")
}

func progressText(p ha.Progress) string {
	return strings.TrimSpace(fmt.Sprintf("%.4g%% %s", p.Percent, oneLine(p.Text)))
}

// oneJSONLine returns a JSON value as it is or, if it has several lines, on one without
// touching what is in its strings.
func oneJSONLine(raw json.RawMessage) string {
	var b bytes.Buffer
	if bytes.ContainsAny(raw, "\r\n") && json.Compact(&b, raw) == nil {
		raw = b.Bytes()
	}
	if !json.Valid(raw) {
		return text.Escape(string(raw))
	}
	return text.EscapeJSON(raw)
}

// oneLine keeps a text from breaking a table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cut shortens a text to about so many bytes.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return text.Cut(s, most) + "…"
}

// Task shows all that is known of a task.
func Task(w io.Writer, r ha.TaskRecord, now time.Time) error {
	rows := [][]string{{"task", string(r.ID)}, {"kind", r.Kind}, {"state", string(r.State)}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("reason", r.Reason)
	add("error", oneLine(r.Error))
	add("pool", r.Pool)
	if r.Priority != 0 {
		add("priority", fmt.Sprint(r.Priority))
	}
	add("attempt", attempts(r))
	if r.Progress != nil {
		add("progress", progressText(*r.Progress)+moment(", said ", r.Progress.At, now))
	}
	add("submitted", moment("", r.SubmittedAt, now))
	add("run at", moment("", r.RunAt, now))
	add("ready", moment("", r.ReadyAt, now))
	add("started", moment("", r.StartedAt, now))
	add("ended", moment("", r.EndedAt, now)+lasted(r))
	add("expires", moment("", r.ExpiresAt, now))
	add("timeout", duration(r.Timeout))
	add("worker", string(r.Worker))
	add("after", after(r))
	add("after batch", r.AfterBatch)
	add("batch", r.Batch)
	add("unique key", r.UniqueKey)
	add("concurrency key", r.ConcurrencyKey)
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		add("label", name+"="+oneLine(r.Labels[name]))
	}
	add("metadata", cut(oneJSONLine(r.Metadata), shownBytes))
	add("payload", cut(oneJSONLine(r.Payload), shownBytes))
	add("result", cut(oneJSONLine(r.Result), shownBytes))
	if err := cli.WriteList(w, rows); err != nil || len(r.Steps) == 0 {
		return err
	}
	return writeSteps(w, r)
}

func writeSteps(w io.Writer, r ha.TaskRecord) error {
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	rows := make([][]string, 0, len(r.Steps))
	for i, s := range r.Steps {
		rows = append(rows, []string{
			fmt.Sprint(i), s.Kind, string(s.State), fmt.Sprint(s.Attempts), took(s.Duration),
			cli.OrDash(string(s.Worker)), cli.OrDash(cut(oneLine(s.Error), 100)),
		})
	}
	return cli.WriteTable(w, []string{"STEP", "KIND", "STATE", "ATTEMPTS", "DURATION", "WORKER", "ERROR"}, rows, "WORKER")
}

func attempts(r ha.TaskRecord) string {
	if r.Attempt == 0 && r.Failures == 0 {
		return "" // it was never started
	}
	s := fmt.Sprint(r.Attempt)
	if r.Failures > 0 || r.MaxAttempts > 0 {
		s += fmt.Sprintf("; %d of %d failed", r.Failures, r.MaxAttempts)
	}
	if r.Lost > 0 {
		s += fmt.Sprintf(", %d lost with their workers", r.Lost)
	}
	return s
}

func after(r ha.TaskRecord) string {
	ids := make([]string, 0, len(r.After))
	for _, id := range r.After {
		ids = append(ids, string(id))
	}
	s := strings.Join(ids, ", ")
	if s != "" && r.OnUpstreamFailure == ha.UpstreamRun {
		s += ", however they end"
	}
	return s
}

// took says how long the attempts at a step took together.
func took(m ha.Millis) string {
	if m == 0 {
		return "-"
	}
	return Span(m.Duration())
}

// lasted says how long the last attempt of an ended task was under way.
func lasted(r ha.TaskRecord) string {
	if r.StartedAt.IsZero() || r.EndedAt.Before(r.StartedAt) {
		return ""
	}
	return ", after " + Span(r.EndedAt.Sub(r.StartedAt))
}

func duration(m ha.Millis) string {
	if m == 0 {
		return ""
	}
	return m.Duration().String()
}

// moment says a point in time, and how far it is from now; nothing of none.
func moment(before string, t, now time.Time) string {
	switch distance := now.Sub(t); {
	case t.IsZero():
		return ""
	case distance < 0:
		return fmt.Sprintf("%s%s (in %s)", before, t.Local().Format(time.RFC3339), Span(-distance))
	default:
		return fmt.Sprintf("%s%s (%s ago)", before, t.Local().Format(time.RFC3339), Span(distance))
	}
}
