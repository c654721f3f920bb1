package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// waitRound is how long the dispatcher holds back one reply. A leader that dies
// takes the requests it holds with it, and nobody says so; this bounds how long a
// wait goes on without noticing.
const waitRound = 5 * time.Second

// Wait returns the record of a task once it has ended. The error is nil if it
// completed, and matches [ha.ErrTaskFailed], [ha.ErrTaskCancelled] or
// [ha.ErrTaskTimedOut] if it ended so; the record is there all the same.
//
// It waits for as long as ctx allows, through changes of the leader, and gives up by
// itself only if there is no reply for Config.Patience, or the task is not known.
// Beside such an error the record is the last one seen, or empty.
func (c *Client) Wait(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	var (
		seen   ha.TaskRecord
		pauses = newBackoff()
	)
	for {
		round, began := c.round(ctx), time.Now()
		record, err := c.waitRound(ctx, id, round)
		if err != nil {
			if seen.State != "" {
				err = fmt.Errorf("%w (it was %s)", err, seen.State)
			}
			return seen, failed("wait for", string(id), err)
		}
		if record.State.Final() {
			return record, failedTask(record)
		}
		seen = record
		if time.Since(began) >= round/2 {
			pauses.Reset()
			continue
		}
		// The dispatcher did not hold it back: it is stopping, or it cannot. It is not to
		// be asked without end for that.
		_ = pause.Sleep(ctx, pauses.Next()) // ctx ended: the next round says so
	}
}

// round is how long the next reply may be held back. The last but one before a
// deadline ends a little earlier, so that the caller is told what the task was
// doing then.
func (c *Client) round(ctx context.Context) time.Duration {
	const early = 100 * time.Millisecond // a dispatcher looks at least that often for replies that are due
	round := min(waitRound, subjects.MaxWait, c.cfg.Patience)
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left > 5*early {
			left -= early
		}
		round = min(round, left)
	}
	return max(round, time.Millisecond)
}

// waitRound asks for the record once the task has ended, or round has passed.
func (c *Client) waitRound(ctx context.Context, id ha.TaskID, round time.Duration) (record ha.TaskRecord, err error) {
	body, err := json.Marshal(subjects.WaitRequest{ID: id, TimeoutMS: ha.Milliseconds(round)})
	if err != nil {
		return record, err
	}
	r := c.newRequest(subjects.TaskWait, body)
	r.try += round
	r.patience += round
	record, err = exchange[ha.TaskRecord](ctx, c, r)
	if err != nil {
		return record, err
	}
	if record.State.Validate() != nil || record.ID != id {
		return ha.TaskRecord{}, badReply("it is about the task %s, in the state %s",
			subjects.Quote(string(record.ID)), subjects.Quote(string(record.State)))
	}
	return record, nil
}

// failedTask returns the error for the end of a task, nil if it completed.
func failedTask(record ha.TaskRecord) error {
	var end error
	switch record.State {
	case ha.TaskFailed:
		end = ha.ErrTaskFailed
	case ha.TaskCancelled:
		end = ha.ErrTaskCancelled
	case ha.TaskTimedOut:
		end = ha.ErrTaskTimedOut
	default:
		return nil
	}
	if record.Reason != "" && record.Reason != string(record.State) {
		end = fmt.Errorf("%w (%s)", end, record.Reason)
	}
	if record.Error != "" {
		end = fmt.Errorf("%w: %w", end, errors.New(record.Error))
	}
	return failed("wait for", string(record.ID), end)
}
