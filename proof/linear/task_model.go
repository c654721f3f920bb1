package main

import (
	"slices"
	"strings"

	ha "github.com/seed261fe303/ha"
)

// pool is the specification: what the tasks of one pool are at a moment, and
// which workers are registered no more.
type pool struct {
	tasks [poolTasks]task
	gone  string // ids, with spaces between them
	over  bool   // nothing that is answered follows
}

func (p pool) isGone(worker string) bool { return strings.Contains(p.gone, worker) }

// with returns p with that task.
func (p pool) with(i int, t task) pool {
	p.tasks[i] = t
	return p
}

// withEach returns p with each of these in place of the task.
func (p pool) withEach(i int, list []task) (next []pool) {
	for _, t := range list {
		if q := p.with(i, t); !slices.Contains(next, q) {
			next = append(next, q)
		}
	}
	return next
}

// step returns what p may be after it answered in with out; nothing if it may not. An
// operation without an answer may take effect at any time or never. To try fewer orders
// it takes effect only if that changes something; without one it comes after the end.
func (p pool) step(in taskInput, out taskOutput) []pool {
	switch {
	case in.op == opOver:
		p.over = true
		return []pool{p}
	case out.answer != answerNone:
		return p.answer(in, out)
	case p.over:
		return []pool{p}
	}
	return slices.DeleteFunc(p.answer(in, out), func(q pool) bool { return q == p })
}

// answer is step without regard to effects that change nothing.
func (p pool) answer(in taskInput, out taskOutput) []pool {
	switch in.op {
	case opSubmit:
		return p.submit(in, out)
	case opGet, opCancel, opRetry:
		return p.ask(in, out)
	case opPull:
		return p.pull(in, out)
	case opStart:
		return p.start(in)
	case opEnd:
		return p.end(in, out)
	case opRemove:
		if p.isGone(in.worker) {
			return []pool{p}
		}
		return p.remove(in, true)
	}
	if p.isGone(in.worker) {
		return legalIf(out.answer == refusedNotKnown || out.answer == answerNone, p)
	}
	if out.answer == refusedNotKnown {
		return nil
	}
	if in.op == opBeat {
		return p.beat(in)
	}
	return p.remove(in, false)
}

func legalIf(ok bool, p pool) []pool {
	if !ok {
		return nil
	}
	return []pool{p}
}

func (p pool) submit(in taskInput, out taskOutput) []pool {
	known := p.tasks[in.task]
	if known.state == "" {
		return legalIf(out.answer == answerOK || out.answer == answerNone,
			p.with(in.task, task{state: ha.TaskPending, content: in.content}))
	}
	want := answerDuplicate
	if known.content != in.content {
		want = refusedConflict
	}
	return legalIf(out.answer == want || out.answer == answerNone, p)
}

// ask is a get, a cancel or a retry.
func (p pool) ask(in taskInput, out taskOutput) []pool {
	known := p.tasks[in.task]
	if known.state == "" {
		return legalIf(out.answer == refusedNotThere || out.answer == answerNone, p)
	}
	if in.op == opRetry && known.state == ha.TaskCompleted {
		return legalIf(out.answer == refusedCompleted || out.answer == answerNone, p)
	}
	var list []task
	for _, t := range known.reach(in.rules(in.task), in.at) {
		switch in.op {
		case opCancel:
			t = t.cancelled()
		case opRetry:
			t = t.retried()
		}
		if out.answer == answerNone {
			list = append(list, t)
		} else if t, ok := t.shows(out.row, out.heard); ok && out.answer == answerOK {
			list = append(list, t)
		}
	}
	return p.withEach(in.task, list)
}

// pull hands out the results that nobody was handed yet, in the order in which they
// were made, or those of its receipt.
func (p pool) pull(in taskInput, out taskOutput) []pool {
	var order []int
	again := false
	for i := range p.tasks {
		t := &p.tasks[i]
		again = again || t.pulled && in.receipt != "" && t.by == in.receipt
		if t.state == ha.TaskCompleted {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return p.tasks[i].ended - p.tasks[j].ended })
	var results []result
	for _, i := range order {
		t := p.tasks[i]
		if again && (!t.pulled || t.by != in.receipt) || !again && (t.pulled || len(results) == in.limit) {
			continue
		}
		results = append(results, result{i, t.act})
		t.pulled, t.by = true, in.receipt
		if !again {
			p.tasks[i] = t
		}
	}
	return legalIf(out.answer == answerNone || slices.Equal(results, out.results), p)
}

// start is an order that was heard: the attempt began before.
func (p pool) start(in taskInput) []pool {
	if p.isGone(in.worker) {
		return nil
	}
	var list []task
	for _, t := range p.tasks[in.task].reach(in.rules(in.task), in.at) {
		if t.state == ha.TaskPending && t.attempt+1 == in.attempt {
			t = t.started()
			t.act, t.worker, t.since, t.unnamed, t.removals = in.act, in.worker, in.since, 0, 0
			list = append(list, t)
		}
	}
	return p.withEach(in.task, list)
}

// end is the report of one attempt's end.
func (p pool) end(in taskInput, out taskOutput) []pool {
	if p.isGone(in.worker) {
		return legalIf(out.answer == refusedNotKnown || out.answer == answerNone, p)
	}
	known := p.tasks[in.task]
	runs := known.state == ha.TaskRunning && known.act == in.act
	switch {
	case out.answer == refusedNotKnown:
		return nil
	case !runs: // it has gone on without this attempt
		return []pool{p}
	}
	completed := 1
	for i := range p.tasks {
		if p.tasks[i].state == ha.TaskCompleted {
			completed++
		}
	}
	list := known.gaveUp(in.rules(in.task), in.at) // without anybody having seen it
	if out.answer != refusedNotYours {
		list = append(list, known.reported(rulesOf(in.task), in.how, completed))
	}
	return p.withEach(in.task, list)
}

// beat is a heartbeat of a worker that names what it has.
func (p pool) beat(in taskInput) []pool {
	return p.forEach(in, func(t task) task { return t.missed(1) }, func(t task, gaveUp []task) []task {
		if !slices.Contains(in.names, t.act) {
			return []task{t.missed(1)}
		}
		late := t.unnamed >= omissions // it had been given up before the worker heard of it
		t.unnamed = 0
		if !late {
			return []task{t}
		}
		return append(gaveUp, t)
	})
}

// remove takes a worker out that said bye, or was taken for dead.
func (p pool) remove(in taskInput, dead bool) []pool {
	gone := append(strings.Fields(p.gone), in.worker)
	slices.Sort(gone) // so that the order makes no difference
	p.gone = strings.Join(gone, " ")
	unheard := func(t task) task {
		if !dead {
			return t.missed(omissions)
		}
		t.removals = min(t.removals+1, maxLicence)
		return t
	}
	return p.forEach(in, unheard, func(t task, gaveUp []task) []task {
		if t = t.returned(); dead {
			t.lost++
		}
		return append(gaveUp, t)
	})
}

// forEach returns p after something that concerns a worker. unheard says what becomes of
// a task of which nobody knows whether that worker has it; runs says it of one that it
// runs, given what that one is if its attempt had been given up before.
func (p pool) forEach(in taskInput, unheard func(task) task, runs func(t task, gaveUp []task) []task) []pool {
	all := []pool{p}
	for i := range p.tasks {
		t := p.tasks[i]
		running := t.state == ha.TaskRunning && t.act != ""
		if t.state == "" || t.final() || running && t.worker != in.worker {
			continue
		}
		var list []task
		switch {
		case running:
			gaveUp := t.gaveUp(in.rules(i), in.at)
			for j, u := range gaveUp {
				if !u.final() && in.gaps[i] {
					gaveUp[j] = unheard(u)
				}
			}
			list = runs(t, gaveUp)
		case in.gaps[i]:
			list = []task{unheard(t)}
		default: // without an attempt that nobody heard of it has none
			continue
		}
		next := make([]pool, 0, len(all)*len(list))
		for _, q := range all {
			next = append(next, q.withEach(i, list)...)
		}
		all = next
	}
	return all
}
