package render

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// EndLine says of a task how it ended.
func EndLine(r ha.TaskRecord, now time.Time) string {
	line := string(r.ID) + " " + string(r.State)
	if why := note(r, now); why != "" && r.State != ha.TaskCompleted {
		line += ": " + why
	}
	return text.Escape(line)
}

// EventLine says one event in columns that line up where names are short.
func EventLine(e client.Event) string {
	what := string(e.Task)
	if e.Task == "" { // a kind or a pool was paused or resumed
		what = cli.OrDash(e.Pool)
	}
	line := fmt.Sprintf("%s  %-10s  %s  %s", e.At.Local().Format("15:04:05.000"), e.What, what, cli.OrDash(e.Kind))
	if e.Step > 0 {
		line += fmt.Sprintf("  step %d", e.Step)
	}
	if e.Attempt > 0 {
		line += fmt.Sprintf("  attempt %d", e.Attempt)
	}
	if e.Worker != "" {
		line += "  worker " + string(e.Worker)
	}
	if e.What == subjects.WhatProgressed {
		line += "  " + progressText(ha.Progress{Percent: e.Percent, Text: e.Text})
	}
	if e.Reason != "" {
		line += "  " + e.Reason
	}
	if e.Error != "" {
		line += "  " + cut(oneLine(e.Error), 200)
	}
	return text.Escape(line)
}
