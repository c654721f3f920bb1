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

// Shares shows each worker's part of the activations against its part of
// the weights.
func Shares(w io.Writer, list subjects.Workers) error {
	rows := make([][]string, 0, len(list.Workers))
	for _, i := range list.Workers {
		rows = append(rows, []string{
			cli.OrDash(i.Name), string(i.ID), fmt.Sprint(i.Weight), fmt.Sprint(i.Activations),
			percent(i.Share), percent(i.ExpectedShare),
		})
	}
	return cli.WriteTable(w, []string{"NAME", "ID", "WEIGHT", "ACTIVATIONS", "SHARE", "EXPECTED"}, rows)
}

// Workers shows the list of workers. now is the reader's time, the list's
// times are the leader's: where the clocks differ, so does the age.
func Workers(w io.Writer, list subjects.Workers, now time.Time) error {
	if len(list.Workers) == 0 {
		_, err := fmt.Fprintln(w, "no workers are registered")
		return err
	}
	rows := make([][]string, 0, len(list.Workers))
	for _, i := range list.Workers {
		rows = append(rows, []string{
			string(i.ID), cli.OrDash(i.Name), fmt.Sprint(i.Weight), fmt.Sprint(i.Activations),
			percent(i.Share), percent(i.ExpectedShare),
			fmt.Sprintf("%d/%d", i.Running, i.Slots), age(now, i.LastSeen),
			cli.OrDash(strings.Join(i.Pools, ",")), cli.OrDash(strings.Join(i.Kinds, ",")),
		})
	}
	return cli.WriteTable(w, []string{
		"ID", "NAME", "WEIGHT", "ACTIVATIONS", "SHARE", "EXPECTED", "BUSY", "LAST SEEN", "POOLS", "KINDS",
	}, rows, "EXPECTED", "KINDS", "POOLS", "SHARE")
}

// Status shows the status report: a line a subject, then the dispatchers.
func Status(w io.Writer, s subjects.Status) error {
	a := s.Activations
	rows := [][]string{
		{"leader", fmt.Sprintf("%s, epoch %d, leads for %s", cli.OrDash(s.Leader.Name), s.Leader.Epoch, Span(time.Duration(s.UptimeMS)*time.Millisecond))},
		{"journal", fmt.Sprintf("%s, format %d, at position %d, %s", cli.OrDash(s.Journal.Kind), s.Journal.Format, s.Journal.Position, cli.Size(s.Journal.Bytes))},
	}
	if n := s.Leader.Void; n > 0 {
		rows = append(rows, []string{"", fmt.Sprintf("%d entries of others in it, passed over", n)})
	}
	for _, warning := range s.Journal.Warnings {
		rows = append(rows, []string{"", "warning: " + warning})
	}
	rows = append(rows, [][]string{
		{"workers", fmt.Sprintf("%d registered, %d idle, %d busy", s.Workers.Registered, s.Workers.Idle, s.Workers.Busy)},
		{"", joined(s.Workers)},
		{"activations", fmt.Sprintf("%d started, %d running, %d done, %d failed", a.Started, a.Running, a.Done, a.Failed)},
		{"", fmt.Sprintf("%d cancelled, %d timed out, %d rejected, %d lost", a.Cancelled, a.TimedOut, a.Rejected, a.Lost)},
		{"tasks", fmt.Sprintf("%d waiting, %d scheduled, %d pending, %d running",
			s.Tasks[ha.TaskWaiting], s.Tasks[ha.TaskScheduled], s.Tasks[ha.TaskPending], s.Tasks[ha.TaskRunning])},
		{"", fmt.Sprintf("%d completed, %d failed, %d cancelled, %d timed out are kept",
			s.Tasks[ha.TaskCompleted], s.Tasks[ha.TaskFailed], s.Tasks[ha.TaskCancelled], s.Tasks[ha.TaskTimedOut])},
		{"messages", fmt.Sprintf("%d malformed, %d dropped", s.Malformed, s.Dropped)},
	}...)
	if err := cli.WriteList(w, rows); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return Dispatchers(w, s.Dispatchers, s.Journal.Position)
}

// joined says who came and went, and who rejects much.
func joined(n subjects.WorkerCounts) string {
	text := fmt.Sprintf("%d joined, %d left, %d lost", n.Joined, n.Left, n.Lost)
	if n.Rejecting > 0 {
		text += fmt.Sprintf(", %d reject often", n.Rejecting)
	}
	return text
}

// Dispatchers shows where each dispatcher stands. position is that of the
// journal's last entry.
func Dispatchers(w io.Writer, list []subjects.Dispatcher, position uint64) error {
	rows := make([][]string, 0, len(list))
	for _, d := range list {
		rows = append(rows, []string{
			cli.OrDash(d.Name), cli.OrDash(d.Role), fmt.Sprint(d.Epoch), fmt.Sprint(d.Position),
			fmt.Sprint(position - min(position, d.Position)), fmt.Sprintf("1-%d", max(d.Format, 1)), cli.OrDash(strings.Join(strings.Fields(d.Trouble), " ")),
		})
	}
	return cli.WriteTable(w, []string{"DISPATCHER", "ROLE", "EPOCH", "POSITION", "BEHIND", "FORMATS", "TROUBLE"}, rows)
}

func percent(share float64) string { return fmt.Sprintf("%.2f%%", 100*share) }

func age(now, then time.Time) string {
	if then.IsZero() {
		return "never"
	}
	if d := now.Sub(then); d >= time.Second {
		return Span(d) + " ago"
	}
	return "0s ago"
}
