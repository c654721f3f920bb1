package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// How long activations pause, at most, for an election of the servers and the change of leaders after it, and
// for several in a row, as if two of three cannot reach each other.
const (
	oneElection      = 15 * time.Second
	severalElections = 30 * time.Second
)

// conclude checks what must hold in the end.
func (t *trial) conclude(ctx context.Context) error {
	if t.forger != nil {
		rounds, answers := t.forger.counts()
		t.Result.Note("a stranger forged orders to all workers, and reports, %d times, and %d answers", rounds, answers)
		t.forger.close()
		t.forger = nil
	}
	t.load.rest()
	if err := t.gather(ctx); err != nil { // somebody must end the tasks
		return err
	}
	missing, bad, err := t.load.lost(ctx)
	if err != nil {
		return err
	}
	twice, ends, err := t.ends(ctx)
	if err != nil {
		return err
	}
	if ends == 0 || t.load.count() == 0 {
		return fmt.Errorf("%d tasks were acknowledged, and the journal holds the ends of %d: nothing can be said", t.load.count(), ends)
	}
	t.Result.None("tasks that were acknowledged and are lost", missing)
	t.Result.None("tasks that did not end well", bad)
	t.Result.None("tasks that ended twice in the journal", twice)
	t.Result.None("tasks that a stranger made workers run", t.obeyed.list())
	t.Result.None("activations that a witness took twice", t.ledger.Twice())
	if t.sort.majority {
		t.Result.None("workers that ended", t.ended)
		t.Result.Below("worst pause while cut", t.worst(func(c cut) time.Duration { return c.held }), t.Within(severalElections))
	}
	after := 3 * time.Second
	switch {
	case t.sort.elections:
		after = oneElection
	case t.hold < oneElection: // that which the cut needs may not be over
		after += oneElection - t.hold
	}
	t.Result.Below("worst pause after a heal", t.worst(func(c cut) time.Duration { return c.healed }), t.Within(after))
	t.Result.Note("%d tasks acknowledged, %d ends in the journal, %d activations seen", t.load.count(), ends, t.ledger.Count())
	t.rows()
	return t.verify(ctx)
}

// worst returns the longest of the cuts' times.
func (t *trial) worst(of func(cut) time.Duration) (longest time.Duration) {
	for _, c := range t.cuts {
		longest = max(longest, of(c))
	}
	return longest
}

// rows fills the table.
func (t *trial) rows() {
	for _, ofLeader := range []bool{true, false} {
		var held, healed, agreed harness.Times
		alive, least, n := 0, workers, 0
		for _, c := range t.cuts {
			if c.leader != ofLeader {
				continue
			}
			n++
			alive, least = alive+c.alive, min(least, c.alive)
			held, healed, agreed = append(held, c.held), append(healed, c.healed), append(agreed, c.agreed)
		}
		if n == 0 {
			continue
		}
		label := "follower"
		if ofLeader {
			label = "leader"
		}
		t.Result.Rows = append(t.Result.Rows, harness.Row{Label: label, Figures: []harness.Figure{
			{Name: "cuts", Value: fmt.Sprint(n)},
			{Name: "workers alive", Value: fmt.Sprintf("%d of %d", alive, n*workers)},
			{Name: "at least", Value: fmt.Sprintf("%d of %d", least, workers)},
			{Name: "pause while cut: median, worst", Value: pair(held)},
			{Name: "after heal: median, worst", Value: pair(healed)},
			{Name: "all agree by: worst", Value: agreed.Quantile(1).Round(time.Millisecond).String()},
		}})
	}
}

func pair(times harness.Times) string {
	return fmt.Sprintf("%s, %s", times.Quantile(0.5).Round(time.Millisecond), times.Quantile(1).Round(time.Millisecond))
}

// ends reads the journal and returns the tasks that ended more than once in it, and how many ends there are. What was
// cleaned away is not seen; verify counts what went before by the snapshot.
func (t *trial) ends(ctx context.Context) (twice []string, n int, err error) {
	var out []byte
	err = harness.Await(ctx, "the journal", settleWithin, func() (err error) {
		out, err = t.command(ctx, "journal", "show")
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	type attempt struct {
		worker string
		number uint64
	}
	tasks := map[attempt]uint64{}
	counts := map[uint64]int{}
	for line := range bytes.Lines(out) {
		var record struct {
			Record, Worker, Next string
			Number, Task         uint64
		}
		if err := json.Unmarshal(line, &record); err != nil {
			return nil, 0, fmt.Errorf("read the journal: %w", err)
		}
		of := attempt{record.Worker, record.Number}
		switch {
		case record.Record == "task_started":
			tasks[of] = record.Task
		case record.Record == "task_ended" && record.Next == "completed" && tasks[of] != 0: // else it began before what is left
			n++
			if counts[tasks[of]]++; counts[tasks[of]] == 2 {
				twice = append(twice, fmt.Sprintf("task %d", tasks[of]))
			}
		}
	}
	return twice, n, nil
}

// verify lets the command itself look whether each entry can follow those before it.
func (t *trial) verify(ctx context.Context) error {
	out, err := t.command(ctx, "journal", "verify")
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	var problems []string
	if err != nil {
		problems = append(problems, fmt.Sprintf("%v: %s", err, out))
	}
	t.Result.None("runs of journal verify that failed", problems)
	return nil
}

// command runs the command on the field and returns its output.
func (t *trial) command(ctx context.Context, args ...string) ([]byte, error) {
	line, err := t.net.host(field).enter()
	if err != nil {
		return nil, err
	}
	line = append(append(line, t.lab.Binary()), append(args, "--server", t.group.Servers[0])...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...) // #nosec G204 -- the command that was built, or given
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%v: %w: %s", args, err, said.Bytes())
	}
	return out, nil
}
