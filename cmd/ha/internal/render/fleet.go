package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/text"
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
	headings := []string{"ID", "NAME", "WEIGHT", "ACTIVATIONS", "SHARE", "EXPECTED", "BUSY", "LAST SEEN", "POOLS", "KINDS"}
	// Most workers never reject anything, and then there is no column for it.
	const at = 8
	some := slices.ContainsFunc(list.Workers, func(i subjects.WorkerInfo) bool { return i.Rejected > 0 })
	if some {
		headings = slices.Insert(headings, at, "REJECTED")
	}
	rows := make([][]string, 0, len(list.Workers))
	for _, i := range list.Workers {
		row := []string{
			string(i.ID), cli.OrDash(i.Name), fmt.Sprint(i.Weight), fmt.Sprint(i.Activations),
			percent(i.Share), percent(i.ExpectedShare),
			busy(i), age(now, i.LastSeen),
			cli.OrDash(strings.Join(i.Pools, ",")), cli.OrDash(strings.Join(i.Kinds, ",")),
		}
		if some {
			row = slices.Insert(row, at, rejected(i))
		}
		rows = append(rows, row)
	}
	return cli.WriteTable(w, headings, rows, "EXPECTED", "KINDS", "POOLS", "SHARE")
}

// busy says how many of its slots a worker uses, and whether it is leaving.
func busy(i subjects.WorkerInfo) string {
	text := fmt.Sprintf("%d/%d", i.Running, i.Slots)
	if i.Leaving {
		text += " leaving"
	}
	return text
}

// rejected says how many activations a worker has rejected, and whether it does so often.
func rejected(i subjects.WorkerInfo) string {
	switch {
	case i.Rejected == 0:
		return "-"
	case i.RejectsOften:
		return fmt.Sprintf("%d, often", i.Rejected)
	}
	return fmt.Sprint(i.Rejected)
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

// Dispatchers shows where each dispatcher stands, and then what troubles each. position is that of the
// journal's last entry.
func Dispatchers(w io.Writer, list []subjects.Dispatcher, position uint64) error {
	rows := make([][]string, 0, len(list))
	var troubles []string
	for _, d := range list {
		trouble := "-"
		if d.Trouble != "" {
			trouble = "yes"
			troubles = append(troubles, wrapped(d.Name+": "+d.Trouble, cli.Width(w)))
		}
		rows = append(rows, []string{
			cli.OrDash(d.Name), cli.OrDash(d.Role), fmt.Sprint(d.Epoch), fmt.Sprint(d.Position),
			fmt.Sprint(position - min(position, d.Position)), fmt.Sprintf("1-%d", max(d.Format, 1)), lastHeard(d), trouble,
		})
	}
	err := cli.WriteTable(w, []string{"DISPATCHER", "ROLE", "EPOCH", "POSITION", "BEHIND", "FORMATS", "HEARD", "TROUBLE"}, rows)
	for _, t := range troubles {
		if err == nil {
			_, err = fmt.Fprintf(w, "\n%s\n", t)
		}
	}
	return err
}

// wrapped puts the words of a text on lines of at most so many columns, all but the first indented; 0: on one.
func wrapped(s string, columns int) string {
	var b strings.Builder
	at := 0
	for word := range strings.FieldsSeq(s) {
		word = text.Escape(word)
		switch n := len([]rune(word)); {
		case at == 0:
			at = n
		case columns > 0 && at+1+n > columns:
			b.WriteString("\n  ")
			at = n + len("  ")
		default:
			b.WriteByte(' ')
			at += n + 1
		}
		b.WriteString(word)
	}
	return b.String()
}

// lastHeard says when a dispatcher was heard of last.
func lastHeard(d subjects.Dispatcher) string {
	if d.LastHeardMS < 1000 {
		return "now"
	}
	return Span((time.Duration(d.LastHeardMS) * time.Millisecond).Truncate(time.Second)) + " ago"
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
