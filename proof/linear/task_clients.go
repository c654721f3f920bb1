package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

// body is the payload of tasks, and their result.
type body struct {
	Content    int    `json:"content,omitempty"`
	Activation string `json:"activation,omitempty"`
}

// act does one thing to the tasks of s.
func (t *tasks) act(ctx context.Context, client int, s *stock, rng *rand.Rand) {
	i := rng.IntN(poolTasks)
	switch n := rng.IntN(100); {
	case n < 20:
		t.submit(ctx, client, s, i, rng)
	case n < 28:
		t.submitSeveral(ctx, client, s, rng)
	case n < 38:
		t.change(ctx, client, s, opCancel, i)
	case n < 52:
		t.change(ctx, client, s, opRetry, i)
	case n < 66:
		t.pull(ctx, client, s, rng)
	default:
		t.change(ctx, client, s, opGet, i)
	}
}

// spec is the submission of a task. Most have the same content.
func (s *stock) spec(i int, rng *rand.Rand) (spec ha.TaskSpec, content int) {
	if rng.IntN(6) == 0 {
		content = 1
	}
	payload, err := json.Marshal(body{Content: content})
	if err != nil {
		panic(err) // there is nothing in it that cannot be encoded
	}
	rules := rulesOf(i)
	spec = ha.TaskSpec{
		ID: ha.TaskID(s.id(i)), Kind: s.kind, Pool: s.pool, Payload: payload,
		Retry: &ha.Retry{MaxAttempts: rules.attempts, Backoff: 20, Jitter: -1, MaxLost: 1000},
	}
	if rules.short {
		spec.Timeout = ha.Milliseconds(shortTimeout)
	}
	return spec, content
}

// submitting takes note that a task may begin from now on.
func (s *stock) submitting(i int, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.submitted[i] == 0 {
		s.submitted[i] = at
	}
}

func (t *tasks) submit(ctx context.Context, client int, s *stock, i int, rng *rand.Rand) {
	spec, content := s.spec(i, rng)
	called := t.history.now()
	s.submitting(i, called)
	var reply subjects.Submitted
	answer, status, err := t.ask(ctx, "ha.task.submit", spec, &reply)
	out := taskOutput{answer: t.refusal(answer, status, map[string]string{"409": refusedConflict}, err)}
	if reply.Duplicate {
		out.answer = answerDuplicate
	}
	if answer != harness.NoResponders {
		t.note(s, client, called, taskInput{op: opSubmit, task: i, content: content}, out)
	}
}

// submitSeveral submits some tasks in one request, one of them twice.
func (t *tasks) submitSeveral(ctx context.Context, client int, s *stock, rng *rand.Rand) {
	list := rng.Perm(poolTasks)[:2]
	list = append(list, list[0])
	specs, contents := make([]ha.TaskSpec, len(list)), make([]int, len(list))
	called := t.history.now()
	for n, i := range list {
		specs[n], contents[n] = s.spec(i, rng)
		s.submitting(i, called)
	}
	var reply []subjects.Submitted
	answer, status, err := t.ask(ctx, "ha.task.submit", specs, &reply)
	whole := t.refusal(answer, status, nil, err)
	if answer == harness.NoResponders {
		return
	}
	if answer == harness.Granted && len(reply) != len(list) {
		t.wrong("a submission of %d tasks was answered with %d entries", len(list), len(reply))
		return
	}
	for n, i := range list {
		out := taskOutput{answer: whole}
		if answer == harness.Granted {
			switch entry := reply[n]; {
			case entry.Error != nil && entry.Error.Code == "id_conflict":
				out.answer = refusedConflict
			case entry.Error != nil:
				t.wrong("submission of %s: %s", specs[n].ID, entry.Error.Message)
				return
			case entry.Duplicate:
				out.answer = answerDuplicate
			}
		}
		t.note(s, client, called, taskInput{op: opSubmit, task: i, content: contents[n]}, out)
	}
}

// change is a get, a cancel or a retry, which are answered with the record.
func (t *tasks) change(ctx context.Context, client int, s *stock, op string, i int) {
	var r ha.TaskRecord
	called := t.history.now()
	answer, status, err := t.ask(ctx, "ha.task."+op, subjects.TaskRequest{ID: ha.TaskID(s.id(i))}, &r)
	known := map[string]string{"404": refusedNotThere}
	if op == opRetry {
		known["409"] = refusedCompleted
	}
	out := taskOutput{answer: t.refusal(answer, status, known, err)}
	if answer == harness.NoResponders || op == opGet && out.answer == answerNone {
		return // there is nothing to note of what has no effect
	}
	if out.answer == answerOK {
		out.row = t.row(r)
	}
	t.note(s, client, called, taskInput{op: op, task: i}, out)
}

// row is what the model knows of a record.
func (t *tasks) row(r ha.TaskRecord) row {
	var payload, result body
	for _, b := range []struct {
		raw  json.RawMessage
		into *body
	}{{r.Payload, &payload}, {r.Result, &result}} {
		if err := json.Unmarshal(b.raw, b.into); err != nil && len(b.raw) > 0 {
			t.wrong("the record of %s has %q, which nobody wrote: %v", r.ID, b.raw, err)
		}
	}
	return row{
		state: r.State, content: payload.Content, attempt: r.Attempt, failures: r.Failures, lost: r.Lost,
		act: string(r.Activation), worker: string(r.Worker), result: result.Activation, pulled: r.Pulled,
	}
}

// pull takes results, with a new receipt, one of before, or none.
func (t *tasks) pull(ctx context.Context, client int, s *stock, rng *rand.Rand) {
	in := taskInput{op: opPull, limit: 1 + rng.IntN(3)}
	if n := rng.IntN(10); n > 0 {
		in.receipt = s.receipt(n < 4, rng)
	}
	request := subjects.PullRequest{Limit: in.limit, Kind: s.kind, Pool: s.pool, Receipt: in.receipt}
	var reply subjects.Pulled
	called := t.history.now()
	answer, status, err := t.ask(ctx, "ha.task.pull", request, &reply)
	out := taskOutput{answer: t.refusal(answer, status, nil, err)}
	if answer == harness.NoResponders {
		return
	}
	for _, r := range reply.Results {
		var b body
		name, i, ok := idOf(string(r.ID))
		if err := json.Unmarshal(r.Result, &b); err != nil || !ok || name != s.name {
			t.wrong("a pull of %s got the result %q of %s", s.name, r.Result, r.ID)
			return
		}
		out.results = append(out.results, result{i, b.Activation})
	}
	t.note(s, client, called, in, out)
}

// receiptsKept is how many receipts of a pool are used again: the dispatcher remembers the
// last 1000 of all.
const receiptsKept = 3

// receipt returns a new one, or one of before.
func (s *stock) receipt(again bool, rng *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again && len(s.receipts) > 0 {
		return s.receipts[rng.IntN(len(s.receipts))]
	}
	receipt := fmt.Sprintf("%s-r%d", s.name, s.ops) + fmt.Sprintf("-%x", rng.Uint32())
	s.receipts = append(s.receipts, receipt)
	if len(s.receipts) > receiptsKept {
		s.receipts = slices.Delete(s.receipts, 0, 1)
	}
	return receipt
}

// refusal says as what an answer is noted. known are the refusals that may come, by their status.
func (t *tasks) refusal(answer harness.CallOutcome, status string, known map[string]string, err error) string {
	switch answer {
	case harness.Granted:
		return answerOK
	case harness.Refused:
		if name := known[status]; name != "" {
			return name
		}
		t.wrong("%v", err)
	}
	return answerNone
}
