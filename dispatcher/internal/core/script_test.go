package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// script plays the commands of a transcript. Workers go by the names they said
// hello with; who says hello again under a new id is called east#2. The leader is
// d1, of epoch 1, since 0 s.
//
//	config [activate-every=2s] [window=0] [max-workers=10] [max-tasks=N] [aging=10m] [retain=24h] [retain-failed=24h]
//	  [retain-tasks=N]      first, or not at all
//	hello NAME weight=W [slots=N] [instance=X] [kinds=A,B] [pools=P,Q]
//	heartbeat NAME [running=A,B | running=none]
//	available NAME [ACTIVATION[=OUTCOME] ...] [leaving=yes]
//	bye NAME
//	wait 2s                 time passes, and nothing comes to see it
//	tick [2s]               time passes, then comes a tick
//	run 10s                 time passes, with a tick whenever the core asks for one
//	lead NODE epoch=N       the leader is gone; NODE reads the journal and leads
//	workers | counts
//
// and those of taskCommands.
type script struct {
	cfg     Config
	core    *Core
	journal []byte
	now     time.Time
	names   map[ha.WorkerID]string
	ids     map[string]ha.WorkerID
	out     []string
	stamped time.Time // the time at the beginning of the last line that has one
	taskIDs map[uint64]ha.TaskID
	shown   map[string]bool // nil: everything
}

func newScript() *script {
	cfg := testConfig()
	cfg.ShareWindow = 0
	return &script{cfg: cfg, now: noon, names: map[ha.WorkerID]string{}, ids: map[string]ha.WorkerID{}, taskIDs: map[uint64]ha.TaskID{}}
}

// take returns the lines since the last call.
func (s *script) take() []string {
	out := s.out
	s.out = nil
	return out
}

// hides reports whether the transcript leaves out lines of that sort.
func (s *script) hides(what string) bool {
	switch what {
	case "record", "send", "event", "reply":
		return s.shown != nil && !s.shown[what]
	}
	return false
}

func (s *script) say(what, format string, args ...any) {
	if s.hides(what) {
		return
	}
	stamp := ""
	if len(s.out) == 0 || !s.stamped.Equal(s.now) {
		stamp = strconv.FormatFloat(s.now.Sub(noon).Seconds(), 'f', -1, 64) + "s"
		s.stamped = s.now
	}
	s.out = append(s.out, strings.TrimRight(fmt.Sprintf("%6s  %-7s %s", stamp, what, fmt.Sprintf(format, args...)), " "))
}

// arguments are the words of a command.
type arguments struct {
	words []string
	named map[string]string
	err   error
}

func parse(words []string) *arguments {
	a := &arguments{named: map[string]string{}}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if ok && !strings.HasPrefix(key, "a1-") && !strings.HasPrefix(key, "a2-") {
			a.named[key] = value
		} else {
			a.words = append(a.words, w)
		}
	}
	return a
}

func (a *arguments) word() string {
	if len(a.words) == 0 {
		a.err = errors.New("too few words")
		return ""
	}
	w := a.words[0]
	a.words = a.words[1:]
	return w
}

func (a *arguments) text(key string) string {
	v := a.named[key]
	delete(a.named, key)
	return v
}

func (a *arguments) list(key string) []string {
	if v := a.text(key); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}

func (a *arguments) number(key string, otherwise int) int {
	if _, ok := a.named[key]; !ok {
		return otherwise
	}
	n, err := strconv.Atoi(a.text(key))
	a.err = errors.Join(a.err, err)
	return n
}

func (a *arguments) duration(text string, otherwise time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	a.err = errors.Join(a.err, err)
	return d
}

// finish tells what was wrong with the words, or left over.
func (a *arguments) finish() error {
	if len(a.words) > 0 || len(a.named) > 0 {
		return errors.Join(a.err, fmt.Errorf("what is %v %v", a.words, slices.Sorted(maps.Keys(a.named))))
	}
	return a.err
}

func (s *script) do(command string) error {
	words := strings.Fields(command)
	if len(words) == 0 {
		return errors.New("no command")
	}
	a := parse(words[1:])
	if words[0] == "config" {
		return s.config(a)
	}
	if s.core == nil {
		s.core = New(s.cfg)
		if err := s.lead("d1", 1); err != nil {
			return err
		}
		s.step(step.Tick{At: s.now}) // the beat at 0 s finds nobody
		s.out = nil
	}
	commands := map[string]func(*arguments) error{
		"hello": s.hello, "heartbeat": s.heartbeat, "available": s.available, "bye": s.bye,
		"wait": s.wait, "tick": s.tick, "run": s.run, "lead": s.failover, "workers": s.workers, "counts": s.counts,
	}
	maps.Copy(commands, s.taskCommands())
	do := commands[words[0]]
	if do == nil {
		return fmt.Errorf("no such command; there are %v", slices.Sorted(maps.Keys(commands)))
	}
	return do(a)
}

func (s *script) config(a *arguments) error {
	if s.core != nil {
		return errors.New("comes too late")
	}
	s.cfg.ActivateEvery = a.duration(a.text("activate-every"), s.cfg.ActivateEvery)
	s.cfg.ShareWindow = a.number("window", s.cfg.ShareWindow)
	s.cfg.MaxWorkers = a.number("max-workers", s.cfg.MaxWorkers)
	s.cfg.MaxTasks = a.number("max-tasks", s.cfg.MaxTasks)
	s.cfg.RetainTasks = a.number("retain-tasks", s.cfg.RetainTasks)
	for key, d := range map[string]*time.Duration{"aging": &s.cfg.Aging, "retain": &s.cfg.Retain, "retain-failed": &s.cfg.RetainFailed} {
		*d = a.duration(a.text(key), *d)
	}
	return a.finish()
}

func (s *script) hello(a *arguments) error {
	in := step.Hello{
		At: s.now, Name: a.word(), Weight: ha.Weight(a.number("weight", 0)), Slots: a.number("slots", 1),
		Instance: a.text("instance"), Kinds: a.list("kinds"), Pools: a.list("pools"),
	}
	if len(in.Kinds) > 0 && in.Pools == nil {
		in.Pools = []string{"default"}
	}
	if err := a.finish(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

func (s *script) id(a *arguments) ha.WorkerID {
	name := a.word()
	id, ok := s.ids[name]
	if !ok {
		a.err = errors.Join(a.err, fmt.Errorf("nobody is called %q", name))
	}
	return id
}

func (s *script) heartbeat(a *arguments) error {
	in := step.Heartbeat{At: s.now, Worker: s.id(a)}
	if list := a.list("running"); list != nil {
		in.Running = []ha.ActivationID{}
		for _, id := range list {
			if id != "none" {
				in.Running = append(in.Running, ha.ActivationID(id))
			}
		}
	}
	if err := a.finish(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

func (s *script) available(a *arguments) error {
	in := step.Available{At: s.now, Worker: s.id(a), Leaving: a.text("leaving") != ""}
	for len(a.words) > 0 {
		id, outcome, ok := strings.Cut(a.word(), "=")
		if !ok {
			outcome = string(ha.OutcomeDone)
		}
		if !ha.Outcome(outcome).Reportable() {
			return fmt.Errorf("outcome %q", outcome)
		}
		in.Finished = append(in.Finished, step.Finished{Activation: ha.ActivationID(id), Outcome: ha.Outcome(outcome)})
	}
	if err := a.finish(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

func (s *script) bye(a *arguments) error {
	in := step.Bye{At: s.now, Worker: s.id(a)}
	if err := a.finish(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

func (s *script) wait(a *arguments) error {
	s.now = s.now.Add(a.duration(a.word(), 0))
	return a.finish()
}

func (s *script) tick(a *arguments) error {
	if len(a.words) > 0 {
		s.now = s.now.Add(a.duration(a.word(), 0))
	}
	if err := a.finish(); err != nil {
		return err
	}
	if !s.step(step.Tick{At: s.now}) {
		s.say("nothing", "")
	}
	return nil
}

func (s *script) run(a *arguments) error {
	end := s.now.Add(a.duration(a.word(), 0))
	if err := a.finish(); err != nil {
		return err
	}
	for ticks := 0; ; ticks++ {
		wake := s.core.NextWake()
		if wake.IsZero() || wake.After(end) {
			break
		}
		if ticks > 10_000 {
			return errors.New("10,000 ticks, and no end")
		}
		if wake.After(s.now) {
			s.now = wake
		}
		s.step(step.Tick{At: s.now})
	}
	s.now = end
	if len(s.out) == 0 {
		s.say("nothing", "")
	}
	return nil
}

func (s *script) failover(a *arguments) error {
	node, epoch := a.word(), a.number("epoch", 0)
	if err := a.finish(); err != nil {
		return err
	}
	s.core = New(s.cfg)
	for b := s.journal; len(b) > 0; {
		r, rest, err := record.Decode(b)
		if err != nil {
			return err
		}
		if err := s.core.Apply(r); err != nil {
			return err
		}
		b = rest
	}
	return s.lead(node, ha.Epoch(epoch))
}

func (s *script) lead(node string, epoch ha.Epoch) error {
	var out step.Ready
	if err := s.core.Lead(s.now, epoch, node, &out); err != nil {
		return err
	}
	s.show(out)
	return nil
}

// step shows what an input did; false: nothing, and it had no answer to get.
func (s *script) step(in step.Input) bool {
	var out step.Ready
	reply := s.core.Step(in, &out)
	s.show(out)
	_, tick := in.(step.Tick)
	switch {
	case tick:
	case reply.Err != nil && reply.Task != "":
		s.say("refused", "%d %s, it is %s", reply.Err.Status, reply.Err.Code, reply.Task)
	case reply.Err != nil:
		s.say("refused", "%d %s", reply.Err.Status, reply.Err.Code)
	case s.taskReply(reply) != "":
		s.say("reply", "%s", s.taskReply(reply))
	case reply.Worker != "":
		s.say("reply", "you are %s, epoch %d", s.names[reply.Worker], reply.Epoch)
	case len(reply.Ignored) > 0:
		s.say("reply", "ok, ignored %v", reply.Ignored)
	default:
		s.say("reply", "ok, epoch %d", reply.Epoch)
	}
	return !tick || out.Records.Len()+len(out.Effects) > 0
}
