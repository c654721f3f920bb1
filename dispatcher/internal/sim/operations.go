package sim

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// startRandom does one of the things that clients do.
func (c *client) startRandom() {
	w := c.w
	switch k := w.rng.IntN(100); {
	case k < 50:
		c.submit(c.spec())
	case k < 58:
		c.submitMany()
	case k < 64:
		c.cancel(w.someTask())
	case k < 66:
		id := w.awaited()
		c.cancel(id)
		c.after(w.randomTime(2*time.Second), func() { c.revive(id) })
	case k < 74:
		c.revive(w.someTask())
	case k < 75:
		kind := pick(w, w.tasks.kinds...)
		w.tasks.revivedKinds[kind] = true
		c.ask(step.RetryTask{Kind: kind, Limit: 1 + w.rng.IntN(5)})
	case k < 82:
		c.pull()
	case k < 84:
		c.runNow(w.scheduled())
	case k < 86:
		c.delete(w.someTask())
	case k < 89:
		c.pauseSome()
	case k < 91:
		c.limit()
	case k < 96:
		c.batch()
	default:
		c.do(request{get: w.someTask()}, func(reply, bool) {})
	}
}

// someTask is mostly one of the last that anybody thought of.
func (w *world) someTask() ha.TaskID {
	ids := w.tasks.ids
	if len(ids) == 0 {
		return "nobody"
	}
	if w.chance(700) {
		ids = ids[max(0, len(ids)-10):]
	}
	return ids[w.rng.IntN(len(ids))]
}

// awaited is a task that another one waits for, if there is one.
func (w *world) awaited() ha.TaskID {
	list := w.books.tasks
	for i, from := 0, w.rng.IntN(len(list)+1); i < len(list); i++ {
		if t := list[(from+i)%len(list)]; t.state == ha.TaskWaiting && len(t.spec.After) > 0 {
			return pick(w, t.spec.After...)
		}
	}
	return w.someTask()
}

// noteIntended takes note of a task that somebody means to submit.
func (w *world) noteIntended(s *ha.TaskSpec) {
	w.tasks.intended[token(s.Payload)] = s
	w.tasks.ids = append(w.tasks.ids, s.ID)
}

// submit submits a task, and once it is accepted now and then another one under the same id.
func (c *client) submit(s *ha.TaskSpec) {
	w := c.w
	w.noteIntended(s)
	c.do(request{input: step.Submit{Spec: s}}, func(a reply, again bool) {
		w.nemesis.tally.Tasks.note(a.result)
		if a.result.Err != nil || again || w.calm {
			return
		}
		if len(s.Payload) > 0 && s.Payload[len(s.Payload)-2] == endless[0] {
			c.after(w.randomTime(20*time.Second), func() { c.cancel(s.ID) })
		}
		if w.chance(50) {
			c.after(w.randomTime(30*time.Second), func() { c.contradict(s, a.epoch) })
		}
	})
}

// contradict submits something else under an id that is taken, as was said in an epoch.
func (c *client) contradict(s *ha.TaskSpec, epoch ha.Epoch) {
	other := *s
	c.serial++
	other.Payload = []byte(fmt.Sprintf(`"not %s-%d"`, c.name, c.serial))
	c.w.tasks.intended[token(other.Payload)] = &other // it may be taken if the first was lost with the end of the log
	c.do(request{input: step.Submit{Spec: &other}}, func(a reply, _ bool) {
		if c.w.isOver(epoch) {
			return
		}
		c.w.nemesis.tally.Tasks.Conflicts++
		if a.result.Err == nil || a.result.Err.Code != "id_conflict" {
			c.w.fail("task %s was accepted, and so was another one with its id: %v", s.ID, a)
		}
	})
}

func (c *client) submitMany() {
	w := c.w
	list := make([]step.Input, 1+w.rng.IntN(6))
	for i := range list {
		s := c.spec()
		w.noteIntended(s)
		list[i] = step.Submit{Spec: s}
	}
	c.do(request{list: list}, func(a reply, _ bool) {
		for _, r := range a.results {
			w.nemesis.tally.Tasks.note(r)
		}
	})
}

// note counts what came of a submission.
func (t *TaskTally) note(r step.Reply) {
	if r.Err == nil {
		if r.Duplicate {
			t.Repeated++
		}
		return
	}
	switch r.Err.Code {
	case "not_unique":
		t.NotUnique++
	case "backlog_full":
		t.Full++
	case "cyclic":
		t.Cyclic++
	}
}

func (c *client) cancel(id ha.TaskID) {
	c.w.tasks.cancelled[id] = true
	c.ask(step.CancelTask{ID: id})
}

func (c *client) revive(id ha.TaskID) {
	c.w.tasks.revived[id] = true
	c.ask(step.RetryTask{ID: id})
}

// scheduled is a task that waits for its time, or some task.
func (w *world) scheduled() ha.TaskID {
	list := w.books.tasks
	for i, from := 0, w.rng.IntN(len(list)+1); i < len(list); i++ {
		if t := list[(from+i)%len(list)]; t.state == ha.TaskScheduled {
			return t.id
		}
	}
	return w.someTask()
}

func (c *client) runNow(id ha.TaskID) {
	c.w.tasks.hurried[id] = true
	c.ask(step.RunTask{ID: id})
}

func (c *client) delete(id ha.TaskID) {
	c.w.tasks.deleted[id] = true
	c.ask(step.DeleteTask{ID: id})
}

func (c *client) pull() {
	w := c.w
	in := step.PullTasks{Limit: 1 + w.rng.IntN(5), Bytes: pick(w, 300, 1<<20)}
	if w.chance(900) {
		c.serial++
		in.Receipt = fmt.Sprintf("%s-%d", c.name, c.serial)
	}
	if w.chance(300) {
		in.Kind = pick(w, w.tasks.kinds...)
	}
	if w.chance(300) {
		in.Pool = pick(w, w.tasks.pools...)
	}
	c.do(request{input: in}, func(_ reply, again bool) {
		if again {
			w.nemesis.tally.Tasks.Repulled++
		}
	})
}

// pauseSome pauses a kind or a pool, and resumes it after a while.
func (c *client) pauseSome() {
	w := c.w
	in := step.SetPause{Kind: pick(w, w.tasks.kinds...), Paused: true}
	if w.chance(300) {
		in.Kind, in.Pool = "", pick(w, w.tasks.pools...)
	}
	c.ask(in)
	c.after(w.randomTime(8*time.Second), func() {
		if !w.calm {
			in.Paused = false
			c.ask(in)
		}
	})
}

func (c *client) limit() {
	w := c.w
	var l ha.Limit
	switch w.rng.IntN(5) {
	case 0:
		l = ha.Limit{Kind: pick(w, w.tasks.kinds...), Concurrency: w.rng.IntN(3)}
	case 1:
		l = ha.Limit{
			Kind: pick(w, w.tasks.kinds...), Concurrency: w.rng.IntN(4), Rate: pick(w, 0, 0.02, 0.7, 3, fast), Burst: 1 + w.rng.IntN(3),
		}
	case 2:
		l = ha.Limit{Pool: pick(w, w.tasks.pools...), Concurrency: w.rng.IntN(4)}
	case 3:
		l = ha.Limit{Key: "*", Concurrency: w.rng.IntN(3)}
	default:
		l = ha.Limit{Key: c.key(), Concurrency: w.rng.IntN(3)}
	}
	c.ask(step.SetLimit{Limit: l})
}

func (c *client) key() string       { return fmt.Sprintf("x%d", c.w.rng.IntN(3)) }
func (c *client) batchName() string { return fmt.Sprintf("b%d", c.w.rng.IntN(5)) }

// batch asks for a batch, closes it, gives it a task to end with, or all of that.
func (c *client) batch() {
	w := c.w
	in := step.ChangeBatch{Name: c.batchName(), Close: w.chance(500)}
	if w.chance(400) {
		in.Then = c.plain()
		in.Then.AfterBatch = in.Name
		w.noteIntended(in.Then)
	}
	c.ask(in)
}
