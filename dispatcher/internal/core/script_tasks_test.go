package core

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// taskCommands are what a transcript can do about tasks. Tasks go by their ids; a
// time such as run-at=+5s counts from now. NAME may be a list; '-' has no id.
//
//	submit NAME [kind=K] [payload=..] [pool=P] [priority=N] [after=A,B] [on-upstream-failure=run] [run-at=+5s]
//	  [expires=+5s] [timeout=1s] [attempts=N] [backoff=1s] [factor=F] [max-backoff=5s] [max-lost=N]
//	  [unique=U] [key=X] [batch=B] [after-batch=B] [steps=a,b,c] [partial]
//	finish WORKER ACTIVATION[=OUTCOME[!][:TEXT]] ...   TEXT is the result or the error; '!': it is permanent
//	progress WORKER ACTIVATION PERCENT TEXT
//	cancel ID | run-now ID | delete ID | retry ID | retry kind=K [limit=N]
//	pull [limit=N] [kind=K] [pool=P] [receipt=R]
//	pause kind=K | pool=P, and so resume
//	limit kind=K | pool=P | key=X [concurrency=N] [rate=R] [burst=N]
//	batch NAME [close] [then=ID] [kind=K]
//	gone WORKER
//	task ID | tasks | stats
//	show records,sends,events,replies    of what is to come, only these
func (s *script) taskCommands() map[string]func(*arguments) error {
	return map[string]func(*arguments) error{
		"submit": s.submit, "finish": s.finishTasks, "progress": s.progress, "cancel": s.cancelTask, "run-now": s.runTask, "delete": s.deleteTask, "retry": s.retryTasks, "pull": s.pullTasks,
		"pause": s.pause(true), "resume": s.pause(false), "limit": s.limit, "batch": s.batch, "gone": s.gone,
		"task": s.task, "tasks": s.tasks, "stats": s.stats, "show": s.showOnly,
	}
}

// moment reads a time such as +5s.
func (s *script) moment(a *arguments, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	return s.now.Add(a.duration(text, 0))
}

func (s *script) spec(a *arguments, id string) *ha.TaskSpec {
	spec := &ha.TaskSpec{
		ID: ha.TaskID(id), Kind: a.text("kind"), Pool: a.text("pool"), Priority: a.number("priority", 0),
		AfterBatch: a.text("after-batch"), OnUpstreamFailure: ha.OnUpstreamFailure(a.text("on-upstream-failure")),
		RunAt: s.moment(a, a.text("run-at")), ExpiresAt: s.moment(a, a.text("expires")),
		Timeout:   ha.Milliseconds(a.duration(a.text("timeout"), 0)),
		UniqueKey: a.text("unique"), ConcurrencyKey: a.text("key"), Batch: a.text("batch"),
		Retry: s.policy(a),
	}
	if payload := a.text("payload"); payload != "" {
		spec.Payload = []byte(payload)
	}
	for _, id := range a.list("after") {
		spec.After = append(spec.After, ha.TaskID(id))
	}
	for _, kind := range a.list("steps") {
		spec.Steps = append(spec.Steps, ha.Step{Kind: kind})
	}
	return spec
}

// policy reads a retry policy. Transcripts have no jitter.
func (s *script) policy(a *arguments) *ha.Retry {
	r := ha.Retry{
		MaxAttempts: a.number("attempts", 0), Backoff: ha.Milliseconds(a.duration(a.text("backoff"), 0)),
		MaxBackoff: ha.Milliseconds(a.duration(a.text("max-backoff"), 0)), MaxLost: a.number("max-lost", 0), Jitter: -1,
	}
	if f := a.text("factor"); f != "" {
		var err error
		r.Factor, err = strconv.ParseFloat(f, 64)
		a.err = errors.Join(a.err, err)
	}
	return &r
}

func (s *script) submit(a *arguments) error {
	names := strings.Split(a.word(), ",")
	partial := slices.Contains(a.words, "partial")
	a.words = slices.DeleteFunc(a.words, func(w string) bool { return w == "partial" })
	spec := s.spec(a, "")
	spec.Partial = partial
	if err := a.finish(); err != nil {
		return err
	}
	for _, name := range names {
		one := *spec
		if name != "-" {
			one.ID = ha.TaskID(name)
		}
		s.step(step.Submit{At: s.now, Spec: &one})
	}
	return nil
}

func (s *script) finishTasks(a *arguments) error {
	in := step.Available{At: s.now, Worker: s.id(a)}
	for len(a.words) > 0 {
		id, how, _ := strings.Cut(a.word(), "=")
		outcome, text, _ := strings.Cut(how, ":")
		f := step.Finished{Activation: ha.ActivationID(id), Outcome: ha.OutcomeDone}
		outcome, f.Permanent = strings.CutSuffix(outcome, "!")
		if outcome != "" {
			f.Outcome = ha.Outcome(outcome)
		}
		if !f.Outcome.Reportable() {
			return fmt.Errorf("outcome %q", outcome)
		}
		if f.Outcome == ha.OutcomeDone && text != "" {
			f.Result = []byte(text)
		} else {
			f.Error = text
		}
		in.Finished = append(in.Finished, f)
	}
	if err := a.finish(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

func (s *script) progress(a *arguments) error {
	in := step.Progress{At: s.now, Worker: s.id(a), Activation: ha.ActivationID(a.word())}
	percent, err := strconv.ParseFloat(a.word(), 64)
	a.err = errors.Join(a.err, err)
	in.Percent, in.Text = percent, strings.Join(a.words, " ")
	a.words = nil
	return s.ask(a, in)
}

// ask steps in if a has nothing left over.
func (s *script) ask(a *arguments, in step.Input) error {
	if err := a.finish(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

func (s *script) cancelTask(a *arguments) error {
	return s.ask(a, step.CancelTask{At: s.now, ID: ha.TaskID(a.word())})
}

func (s *script) runTask(a *arguments) error {
	return s.ask(a, step.RunTask{At: s.now, ID: ha.TaskID(a.word())})
}

func (s *script) deleteTask(a *arguments) error {
	return s.ask(a, step.DeleteTask{At: s.now, ID: ha.TaskID(a.word())})
}

func (s *script) retryTasks(a *arguments) error {
	if kind := a.text("kind"); kind != "" {
		return s.ask(a, step.RetryTask{At: s.now, Kind: kind, Limit: a.number("limit", 100)})
	}
	return s.ask(a, step.RetryTask{At: s.now, ID: ha.TaskID(a.word())})
}

func (s *script) pullTasks(a *arguments) error {
	return s.ask(a, step.PullTasks{
		At: s.now, Limit: a.number("limit", 100), Kind: a.text("kind"), Pool: a.text("pool"), Receipt: a.text("receipt"), Bytes: 1 << 20,
	})
}

func (s *script) pause(paused bool) func(*arguments) error {
	return func(a *arguments) error {
		return s.ask(a, step.SetPause{At: s.now, Kind: a.text("kind"), Pool: a.text("pool"), Paused: paused})
	}
}

func (s *script) limit(a *arguments) error {
	l := ha.Limit{Kind: a.text("kind"), Pool: a.text("pool"), Key: a.text("key"), Concurrency: a.number("concurrency", 0)}
	if rate := a.text("rate"); rate != "" {
		var err error
		l.Rate, err = strconv.ParseFloat(rate, 64)
		a.err = errors.Join(a.err, err)
		l.Burst = a.number("burst", 1)
	}
	return s.ask(a, step.SetLimit{At: s.now, Limit: l})
}

func (s *script) batch(a *arguments) error {
	in := step.ChangeBatch{At: s.now, Name: a.word()}
	if len(a.words) > 0 && a.words[0] == "close" {
		in.Close = true
		a.word()
	}
	if then := a.text("then"); then != "" {
		in.Then = s.spec(a, then)
		in.Then.AfterBatch = in.Name
	}
	return s.ask(a, in)
}

func (s *script) gone(a *arguments) error { return s.ask(a, step.Gone{At: s.now, Worker: s.id(a)}) }

func (s *script) showOnly(a *arguments) error {
	s.shown = map[string]bool{}
	for what := range strings.SplitSeq(a.word(), ",") {
		word := map[string]string{"records": "record", "sends": "send", "events": "event", "replies": "reply"}[what]
		if word == "" {
			return fmt.Errorf("what is %q", what)
		}
		s.shown[word] = true
	}
	return a.finish()
}
