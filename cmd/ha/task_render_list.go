package main

import (
	"fmt"
	"io"
	"time"

	ha "github.com/seed261fe303/ha"
)

// writeTasks shows tasks, a line each.
func writeTasks(w io.Writer, list []ha.TaskRecord, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "there are no such tasks")
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		rows = append(rows, []string{
			string(r.ID), r.Kind, string(r.State), orDash(r.Pool), fmt.Sprint(r.Priority), fmt.Sprint(r.Attempt),
			age(now, r.SubmittedAt), orDash(string(r.Worker)), orDash(note(r, now)),
		})
	}
	return writeTable(w, []string{"ID", "KIND", "STATE", "POOL", "PRIORITY", "ATTEMPT", "SUBMITTED", "WORKER", "NOTE"}, rows)
}
