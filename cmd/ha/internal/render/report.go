package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

// TaskReport shows how many tasks there are in each state, then the kinds,
// the pools and the limits of keys.
func TaskReport(w io.Writer, r subjects.TaskReport, now time.Time) error {
	var counts []string
	total := 0
	for _, state := range ha.TaskStates() {
		if n := r.Tasks[state]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, state))
			total += n
		}
	}
	rows := [][]string{
		{"tasks", strings.TrimSuffix(fmt.Sprintf("%d: %s", total, strings.Join(counts, ", ")), ": ")},
		{"memory", cli.Size(uint64(max(0, r.Bytes)))},
		{"counts", "since " + moment("", r.Since, now)},
	}
	if err := cli.WriteList(w, rows); err != nil {
		return err
	}
	kinds := make([][]string, 0, len(r.Kinds))
	for _, k := range r.Kinds {
		kinds = append(kinds, []string{
			k.Kind, fmt.Sprint(k.Pending), fmt.Sprint(k.Running), fmt.Sprint(k.Completed), fmt.Sprint(k.Failed), fmt.Sprint(k.TimedOut),
			fmt.Sprint(k.Cancelled), fmt.Sprint(k.Retries), average(k.QueuedMS), average(k.DurationMS), rules(k.Paused, k.Limit),
		})
	}
	pools := make([][]string, 0, len(r.Pools))
	for _, p := range r.Pools {
		pools = append(pools, []string{p.Pool, fmt.Sprint(p.Pending), fmt.Sprint(p.Running), rules(p.Paused, p.Limit)})
	}
	keys := make([][]string, 0, len(r.Limits))
	for _, l := range r.Limits {
		keys = append(keys, []string{l.Key, LimitText(&l)})
	}
	for _, t := range []struct {
		headings []string
		rows     [][]string
		optional []string
	}{
		{
			[]string{"KIND", "PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMED OUT", "CANCELLED", "RETRIES", "QUEUED", "DURATION", "RULES"}, kinds,
			[]string{"RETRIES", "CANCELLED", "TIMED OUT"},
		},
		{[]string{"POOL", "PENDING", "RUNNING", "RULES"}, pools, nil},
		{[]string{"KEY", "RULES"}, keys, nil},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := cli.WriteTable(w, t.headings, t.rows, t.optional...); err != nil {
			return err
		}
	}
	return nil
}

// average says an average in milliseconds, of which 0 means that there is none.
func average(ms float64) string {
	d := time.Duration(ms * float64(time.Millisecond))
	if d <= 0 {
		return "-"
	}
	return Span(d)
}

// rules says what holds tasks back.
func rules(paused bool, l *ha.Limit) string {
	var parts []string
	if paused {
		parts = append(parts, "paused")
	}
	if l != nil {
		parts = append(parts, LimitText(l))
	}
	return cli.OrDash(strings.Join(parts, "; "))
}

// Batch shows how far a batch is.
func Batch(w io.Writer, b ha.TaskBatch) error {
	state := "open: more tasks may join"
	switch {
	case b.Done:
		state = "done"
	case b.Closed:
		state = "closed: no more tasks may join"
	}
	rows := [][]string{
		{"batch", b.Name},
		{"state", state},
		{"tasks", fmt.Sprintf("%d of %d ended", b.Ended, b.Total)},
		{"ended", fmt.Sprintf("%d completed, %d failed, %d cancelled, %d timed out", b.Completed, b.Failed, b.Cancelled, b.TimedOut)},
	}
	if b.Then != "" {
		rows = append(rows, []string{"then", string(b.Then)})
	}
	return cli.WriteList(w, rows)
}
