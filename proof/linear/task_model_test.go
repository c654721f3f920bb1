package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	ha "github.com/seed261fe303/ha"
)

// told builds a history of one pool. Each operation is called and returns after the one
// before it, unless its times are changed.
type told struct {
	ops  []porcupine.Operation
	task int // that all are about
	at   int64
}

func (h *told) add(in taskInput, out taskOutput) *told {
	in.pool, in.task = "p", h.task
	op := porcupine.Operation{Input: in, Call: h.at + 1, Output: out, Return: h.at + 2}
	if out.answer == answerNone {
		op.Return = never
	}
	h.at += 2
	h.ops = append(h.ops, op)
	return h
}

// of makes what follows about another task.
func (h *told) of(task int) *told { h.task = task; return h }

// after lets so much time pass.
func (h *told) after(d time.Duration) *told { h.at += int64(d); return h }

// wide lets the last operation be at the same time as that many before it.
func (h *told) wide(n int) *told {
	last := len(h.ops) - 1
	h.ops[last].Call = h.ops[last-n].Call
	return h
}

func (h *told) submit(answer string) *told {
	return h.add(taskInput{op: opSubmit}, taskOutput{answer: answer})
}
func (h *told) other(answer string) *told {
	return h.add(taskInput{op: opSubmit, content: 1}, taskOutput{answer: answer})
}
func (h *told) start(act string, attempt int) *told {
	return h.add(taskInput{op: opStart, act: act, worker: "w", attempt: attempt}, taskOutput{})
}
func (h *told) end(act, how, answer string) *told {
	return h.add(taskInput{op: opEnd, act: act, worker: "w", how: how}, taskOutput{answer: answer})
}
func (h *told) beat(names ...string) *told {
	return h.add(taskInput{op: opBeat, worker: "w", names: names}, taskOutput{})
}
func (h *told) leave() *told { return h.add(taskInput{op: opLeave, worker: "w"}, taskOutput{}) }
func (h *told) remove(answer string) *told {
	return h.add(taskInput{op: opRemove, worker: "w"}, taskOutput{answer: answer})
}
func (h *told) refuse(op, answer string) *told {
	return h.add(taskInput{op: op}, taskOutput{answer: answer})
}

// shows is an operation that is answered with a record.
func (h *told) shows(op string, state ha.TaskState, attempt int, act string, changes ...func(*row)) *told {
	r := row{state: state, attempt: attempt, act: act}
	if act != "" {
		r.worker = "w"
	}
	if state == ha.TaskCompleted {
		r.result = act
	}
	for _, change := range changes {
		change(&r)
	}
	return h.add(taskInput{op: op}, taskOutput{row: r})
}
func (h *told) get(state ha.TaskState, attempt int, act string, changes ...func(*row)) *told {
	return h.shows(opGet, state, attempt, act, changes...)
}

// pull is one with that receipt, which got the results of these tasks; "2 b" is task 2's of b.
func (h *told) pull(receipt, answer string, limit int, results ...string) *told {
	out := taskOutput{answer: answer}
	for _, text := range results {
		var r result
		if _, err := fmt.Sscan(text, &r.task, &r.act); err != nil {
			panic(err)
		}
		out.results = append(out.results, r)
	}
	return h.add(taskInput{op: opPull, receipt: receipt, limit: limit}, out)
}

func failures(n int) func(*row)      { return func(r *row) { r.failures = n } }
func lost(n int) func(*row)          { return func(r *row) { r.lost = n } }
func pulled(r *row)                  { r.pulled = true }
func resultOf(act string) func(*row) { return func(r *row) { r.result = act } }

// completed is a task that has completed as "a".
func completed() *told { return new(told).submit("").start("a", 1).end("a", endDone, "") }

const (
	pending   = ha.TaskPending
	scheduled = ha.TaskScheduled
	running   = ha.TaskRunning
	done      = ha.TaskCompleted
	bad       = ha.TaskFailed
	cancelled = ha.TaskCancelled
	late      = ha.TaskTimedOut
)

// The task 0 may fail twice, task 1 too and it may take too long, task 2 once.
func TestTasksModelTellsRightFromWrong(t *testing.T) {
	begin := func() *told { return new(told).submit("").start("a", 1) }
	for name, c := range map[string]struct {
		right bool
		told  *told
	}{
		// Submissions.
		"a task is kept":                         {true, new(told).submit("").get(pending, 0, "").submit(answerDuplicate).other(refusedConflict)},
		"an acknowledged task is lost":           {false, new(told).submit("").refuse(opGet, refusedNotThere)},
		"an acknowledged task is taken twice":    {false, new(told).submit("").submit("")},
		"other content is called a duplicate":    {false, new(told).submit("").other(answerDuplicate)},
		"other content takes the place":          {false, new(told).submit("").other("")},
		"the same content is called another":     {false, new(told).submit("").submit(refusedConflict)},
		"a duplicate of nothing":                 {false, new(told).submit(answerDuplicate)},
		"a submission without an answer, late":   {true, new(told).submit(answerNone).refuse(opGet, refusedNotThere).get(pending, 0, "").submit(answerDuplicate)},
		"a submission without an answer, never":  {true, new(told).submit(answerNone).submit("")},
		"a submission without an answer, undone": {false, new(told).submit(answerNone).get(pending, 0, "").refuse(opGet, refusedNotThere)},
		"a task that nobody submitted":           {false, new(told).get(pending, 0, "")},
		"two submissions at once":                {true, new(told).submit(answerDuplicate).submit("").wide(1)},
		"and both win":                           {false, new(told).submit("").submit("").wide(1)},

		// Ends.
		"a life":                              {true, completed().get(done, 1, "a").refuse(opRetry, refusedCompleted).shows(opCancel, done, 1, "a")},
		"an acknowledged end is lost":         {false, completed().get(running, 1, "a")},
		"an acknowledged end is forgotten":    {false, completed().get(pending, 1, "a")},
		"a task starts again after its end":   {false, completed().start("b", 2)},
		"a result of another attempt":         {false, begin().end("a", endBack, "").start("b", 2).end("b", endDone, "").get(done, 2, "b", resultOf("a"))},
		"an attempt that was given back ends": {true, begin().end("a", endBack, "").start("b", 2).end("a", endDone, "").get(running, 2, "b").end("b", endDone, "").get(done, 2, "b")},
		"and counts":                          {false, begin().end("a", endBack, "").start("b", 2).end("a", endDone, "").get(done, 2, "a")},
		"a task ends twice":                   {false, begin().end("a", endForGood, "").end("a", endDone, "").get(done, 1, "a", failures(1))},
		"an end without an answer":            {true, begin().end("a", endDone, answerNone).get(running, 1, "a").get(done, 1, "a").end("a", endDone, "")},
		"which is undone":                     {false, begin().end("a", endDone, answerNone).get(done, 1, "a").get(running, 1, "a")},
		"an end is refused":                   {false, begin().end("a", endDone, refusedNotYours)},
		"completed by nobody":                 {false, begin().get(done, 1, "a")},
		"two attempts at once":                {false, begin().start("b", 2)},
		"an attempt is started twice":         {false, begin().end("a", endBack, "").start("b", 1)},

		// Failures and retries.
		"a failure is tried again":          {true, begin().end("a", endFailed, "").get(scheduled, 1, "a", failures(1)).get(pending, 1, "a", failures(1)).start("b", 2)},
		"its pause begins again":            {false, begin().end("a", endFailed, "").get(pending, 1, "a", failures(1)).get(scheduled, 1, "a", failures(1))},
		"a failure is not counted":          {false, begin().end("a", endFailed, "").get(pending, 1, "a")},
		"the last failure":                  {true, begin().end("a", endFailed, "").start("b", 2).end("b", endFailed, "").get(bad, 2, "b", failures(2))},
		"one more attempt than allowed":     {false, begin().end("a", endFailed, "").start("b", 2).end("b", endFailed, "").start("c", 3)},
		"a retry of what failed":            {true, begin().end("a", endForGood, "").shows(opRetry, pending, 0, "").start("b", 1)},
		"a retry of what completed":         {false, completed().shows(opRetry, pending, 0, "")},
		"a retry is lost":                   {false, begin().end("a", endForGood, "").shows(opRetry, pending, 0, "").get(bad, 1, "a", failures(1))},
		"a retry by nobody":                 {false, begin().end("a", endForGood, "").start("b", 1)},
		"a retry changes what runs":         {false, begin().shows(opRetry, pending, 0, "")},
		"a retry without an answer":         {true, begin().end("a", endForGood, "").refuse(opRetry, answerNone).get(bad, 1, "a", failures(1)).get(pending, 0, "").start("b", 1)},
		"an end of before the retry counts": {false, begin().shows(opCancel, cancelled, 1, "a").shows(opRetry, pending, 0, "").end("a", endDone, "").get(done, 1, "a")},

		// Cancels.
		"a cancel":                        {true, begin().shows(opCancel, cancelled, 1, "a").end("a", endDone, "").get(cancelled, 1, "a")},
		"what was cancelled completes":    {false, begin().shows(opCancel, cancelled, 1, "a").end("a", endDone, "").get(done, 1, "a")},
		"a cancel is lost":                {false, begin().shows(opCancel, cancelled, 1, "a").get(running, 1, "a")},
		"what was cancelled starts":       {false, new(told).submit("").shows(opCancel, cancelled, 0, "").start("a", 1)},
		"a cancel undoes an end":          {false, completed().shows(opCancel, cancelled, 1, "a")},
		"a cancel without an answer":      {true, begin().refuse(opCancel, answerNone).get(running, 1, "a").get(cancelled, 1, "a")},
		"it and the end at the same time": {true, begin().refuse(opCancel, answerNone).end("a", endDone, "").get(cancelled, 1, "a")},
		"and both win ":                   {false, begin().refuse(opCancel, answerNone).end("a", endDone, "").get(done, 1, "a").get(cancelled, 1, "a")},

		// Pulls.
		"a pull":                                {true, completed().pull("r", "", 1, "0 a").get(done, 1, "a", pulled).pull("r", "", 1, "0 a").pull("s", "", 1)},
		"the same receipt gets nothing":         {false, completed().pull("r", "", 1, "0 a").pull("r", "", 1)},
		"a result is pulled twice":              {false, completed().pull("r", "", 1, "0 a").pull("s", "", 1, "0 a")},
		"it is pulled twice without a receipt":  {false, completed().pull("", "", 1, "0 a").pull("", "", 1, "0 a")},
		"a result is kept back":                 {false, completed().pull("r", "", 1)},
		"more than was asked for":               {false, completed().of(1).submit("").start("b", 1).end("b", endDone, "").pull("r", "", 1, "0 a", "1 b")},
		"the later one first":                   {false, completed().of(1).submit("").start("b", 1).end("b", endDone, "").pull("r", "", 1, "1 b")},
		"the same receipt gets more":            {false, completed().pull("r", "", 2, "0 a").of(1).submit("").start("b", 1).end("b", endDone, "").pull("r", "", 2, "0 a", "1 b")},
		"an empty pull is not remembered":       {true, new(told).pull("r", "", 1).submit("").start("a", 1).end("a", endDone, "").pull("r", "", 1, "0 a")},
		"a pull without an answer":              {true, completed().pull("r", answerNone, 1).get(done, 1, "a").pull("s", "", 1).pull("r", "", 1, "0 a")},
		"and another gets the same":             {false, completed().pull("r", answerNone, 1).pull("s", "", 1, "0 a").pull("r", "", 1, "0 a")},
		"a result of what did not complete":     {false, begin().pull("r", "", 1, "0 a")},
		"a record does not know that is pulled": {false, completed().pull("r", "", 1, "0 a").get(done, 1, "a")},

		// What nobody asked for.
		"a lost order":                        {true, new(told).submit("").get(running, 1, "a").beat().beat().get(pending, 1, "a").start("b", 2)},
		"an order is lost that was confirmed": {false, begin().beat("a").beat("a").get(pending, 1, "a")},
		"it is too early to call it lost":     {false, new(told).submit("").get(running, 1, "a").beat().get(pending, 1, "a")},
		"attempts that nobody heard of":       {true, new(told).submit("").beat().beat().start("b", 2)},
		"but without a heartbeat":             {false, new(told).submit("").start("b", 2)},
		"the worker leaves":                   {true, begin().leave().get(pending, 1, "a").end("a", endDone, refusedNotKnown)},
		"and is lost too":                     {false, begin().leave().get(pending, 1, "a", lost(1))},
		"the worker is taken for dead":        {true, begin().remove(answerNone).get(running, 1, "a").get(pending, 1, "a", lost(1))},
		"it is not, and yet lost":             {false, begin().get(pending, 1, "a", lost(1))},
		"a removed worker is known":           {false, begin().remove("").end("a", endDone, "")},
		"a worker is unknown before":          {false, begin().end("a", endDone, refusedNotKnown)},
		"an attempt takes too long":           {true, new(told).of(1).submit("").start("a", 1).after(tooLong).get(scheduled, 1, "a", failures(1)).end("a", endDone, "").get(pending, 1, "a", failures(1))},
		"and the last one too":                {true, new(told).of(1).submit("").start("a", 1).after(tooLong).start("b", 2).after(tooLong).get(late, 2, "b", failures(2)).shows(opRetry, pending, 0, "")},
		"it does not take too long yet":       {false, new(told).of(1).submit("").start("a", 1).get(scheduled, 1, "a", failures(1))},
		"it has no such timeout":              {false, begin().after(tooLong).get(scheduled, 1, "a", failures(1))},
		"it took too long, and completed":     {false, new(told).of(1).submit("").start("a", 1).after(tooLong).get(scheduled, 1, "a", failures(1)).end("a", endDone, "").get(done, 1, "a", failures(1))},
	} {
		t.Run(strings.TrimSpace(name), func(t *testing.T) {
			v := (&history{spec: tasksSpec(), ops: c.told.ops}).check()
			if right := len(v.problems) == 0; right != c.right {
				t.Errorf("judged right: %v, want %v; %v", right, c.right, v.problems)
			}
		})
	}
}

// TestWhatIsPrintedIsSmall puts a contradiction between much that has nothing to do with it.
func TestWhatIsPrintedIsSmall(t *testing.T) {
	h := new(told).of(2).submit("").start("c", 1).of(0).refuse(opGet, refusedNotThere).refuse(opCancel, refusedNotThere)
	h.submit("").get(pending, 0, "").start("a", 1).get(running, 1, "a").submit(answerDuplicate).end("a", endDone, "").pull("r", "", 1, "0 a")
	h.of(2).end("c", endDone, "").of(0).get(done, 1, "a", pulled).get(running, 1, "a")
	for range 20 {
		h.get(done, 1, "a")
	}
	v := (&history{spec: tasksSpec(), ops: h.ops}).check()
	if len(v.problems) != 1 {
		t.Fatalf("found %q", v.problems)
	}
	lines := strings.Split(v.problems[0], "\n")
	if last := lines[len(lines)-1]; len(lines) != 6 || !strings.Contains(last, "get task 0: running") || !strings.HasSuffix(last, "<-- the last answer") {
		t.Errorf("printed is\n%s", v.problems[0])
	}
}
