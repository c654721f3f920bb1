package render

import (
	"fmt"
	"io"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// Tasks shows tasks, a line each.
func Tasks(w io.Writer, list []ha.TaskRecord, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "there are no such tasks")
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		rows = append(rows, []string{
			string(r.ID), r.Kind, string(r.State), cli.OrDash(r.Pool), fmt.Sprint(r.Priority), fmt.Sprint(r.Attempt),
			age(now, r.SubmittedAt), cli.OrDash(string(r.Worker)), cli.OrDash(note(r, now)),
		})
	}
	return cli.WriteTable(w, []string{"ID", "KIND", "STATE", "POOL", "PRIORITY", "ATTEMPT", "SUBMITTED", "WORKER", "NOTE"}, rows,
		"WORKER", "PRIORITY", "POOL", "ATTEMPT")
}
