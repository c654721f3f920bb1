package subjects

import (
	"errors"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

func mustNames(t *testing.T, prefix string) Names {
	t.Helper()
	n, err := NewNames(prefix)
	if err != nil {
		t.Fatalf("NewNames(%q): %v", prefix, err)
	}
	return n
}

// rebuild is the other direction of Parse, by the builders that callers use.
func rebuild(n Names, s Subject) string {
	switch s.Topic {
	case TopicHello:
		return n.Hello()
	case TopicHeartbeat:
		return n.Heartbeat(s.Worker)
	case TopicActivate:
		if s.Worker == "" {
			return n.Activate()
		}
		return n.ActivateDirect(s.Worker)
	case TopicAvailable:
		return n.Available(s.Worker)
	case TopicBye:
		return n.Bye(s.Worker)
	case TopicWorkers:
		return n.Workers()
	case TopicStatus:
		return n.Status()
	case TopicTask:
		return n.Task(s.What)
	case TopicCluster:
		return n.Cluster(s.What)
	case TopicProgress:
		return n.Progress(s.Worker)
	case TopicDispatcher:
		return n.Dispatcher(s.Dispatcher)
	case TopicEvent:
		return n.Event(s.Entity, s.What)
	}
	return ""
}

func TestEverySubjectIsBuiltAsTheProtocolSpellsIt(t *testing.T) {
	n := mustNames(t, "")
	for _, c := range []struct {
		built, want string
		parsed      Subject
	}{
		{n.Hello(), "ha.hello", Subject{Topic: TopicHello}},
		{n.Heartbeat("9f2c"), "ha.hb.9f2c", Subject{Topic: TopicHeartbeat, Worker: "9f2c"}},
		{n.Activate(), "ha.activate", Subject{Topic: TopicActivate}},
		{n.ActivateDirect("9f2c"), "ha.activate.9f2c", Subject{Topic: TopicActivate, Worker: "9f2c"}},
		{n.Available("9f2c"), "ha.available.9f2c", Subject{Topic: TopicAvailable, Worker: "9f2c"}},
		{n.Bye("9f2c"), "ha.bye.9f2c", Subject{Topic: TopicBye, Worker: "9f2c"}},
		{n.Workers(), "ha.workers", Subject{Topic: TopicWorkers}},
		{n.Status(), "ha.status", Subject{Topic: TopicStatus}},
		{n.Task(TaskSubmit), "ha.task.submit", Subject{Topic: TopicTask, What: "submit"}},
		{n.Task(TaskBatch), "ha.task.batch", Subject{Topic: TopicTask, What: "batch"}},
		{n.Cluster(ClusterUpgrade), "ha.cluster.upgrade", Subject{Topic: TopicCluster, What: "upgrade"}},
		{n.Progress("9f2c"), "ha.progress.9f2c", Subject{Topic: TopicProgress, Worker: "9f2c"}},
		{n.Event(EntityTask, WhatTimedOut), "ha.event.task.timed_out", Subject{Topic: TopicEvent, Entity: "task", What: "timed_out"}},
		{n.Dispatcher("d1"), "ha.dispatcher.d1", Subject{Topic: TopicDispatcher, Dispatcher: "d1"}},
		{n.Event(EntityWorker, WhatJoined), "ha.event.worker.joined", Subject{Topic: TopicEvent, Entity: "worker", What: "joined"}},
	} {
		t.Run(c.built, func(t *testing.T) {
			if c.built != c.want {
				t.Errorf("built %q, want %q", c.built, c.want)
			}
			got, err := n.Parse(c.built)
			if err != nil || got != c.parsed {
				t.Errorf("Parse(%q) = %+v, %v; want %+v", c.built, got, err, c.parsed)
			}
		})
	}
}

func TestParseRefusesWildcardsAndWhatNoBuilderMakes(t *testing.T) {
	n := mustNames(t, "")
	for _, subject := range []string{
		"", ".", "ha", "ha.", "hello", "h.hello", "haha.hello", "HA.hello", "ha.Hello", "ha..hello",
		"ha.hello.", "ha.hello.x", "ha.workers.x", "ha.status.x",
		"ha.hb", "ha.hb.", "ha.hb.*", "ha.hb.>", "ha.hb.a.b", "ha.hb.a b", "ha.hb.é", "ha.hb." + strings.Repeat("a", ha.MaxToken+1),
		"ha.activate.", "ha.activate.*", "ha.available", "ha.available.>", "ha.bye", "ha.bye.\x00",
		"ha.task", "ha.task.", "ha.task.*", "ha.task.>", "ha.task.submit.x", "ha.task.sub mit", "ha.Task.submit", "ha.tasks.submit",
		"ha.task." + strings.Repeat("a", ha.MaxToken+1), "ha.progress", "ha.progress.", "ha.progress.*", "ha.progress.9f2c.x", n.ProgressAll(),
		"ha.dispatcher", "ha.dispatcher.", "ha.dispatcher.*", "ha.dispatcher.>", "ha.dispatcher.d1.x", "ha.dispatcher.d 1",
		"ha.event", "ha.event.", "ha.event.worker", "ha.event.worker.", "ha.event.worker.*", "ha.event.>", "ha.event.worker.joined.x",
		"ha.*", "ha.>", "ha.nothing", "ha.hello\n", n.All(), n.HeartbeatAll(), n.AvailableAll(), n.ByeAll(), n.EventAll(), n.DispatcherAll(),
	} {
		got, err := n.Parse(subject)
		var refusal *ha.Error
		if !errors.As(err, &refusal) || refusal.Code != "invalid_subject" || refusal.Status != 400 {
			t.Errorf("Parse(%q) = %+v, %v; want an invalid_subject of status 400", subject, got, err)
		}
	}
}

func TestPrefixIsOneOrMoreTokens(t *testing.T) {
	for _, good := range []string{"ha", "a.b.c", "team-1.ha_2", strings.Repeat("a", ha.MaxToken)} {
		if n := mustNames(t, good); n.Prefix() != good || n.Hello() != good+".hello" || n.All() != good+".>" {
			t.Errorf("prefix %q gives %q and %q", good, n.Hello(), n.All())
		}
	}
	for _, bad := range []string{".", "a.", ".a", "a..b", "a b", "a.*", ">", "é", "a\n", strings.Repeat("a", ha.MaxToken+1), "\xff"} {
		_, err := NewNames(bad)
		var refusal *ha.Error
		if !errors.As(err, &refusal) || refusal.Code != "invalid_prefix" {
			t.Errorf("NewNames(%q): %v, want invalid_prefix", bad, err)
		}
	}
	if got := mustNames(t, "").Prefix(); got != DefaultPrefix {
		t.Errorf("the empty prefix means %q, want %q", got, DefaultPrefix)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"", "ha.hello"}, {"", "ha.hb.9f2c"}, {"", "ha.activate"}, {"", "ha.activate.9f2c"}, {"", "ha.event.worker.joined"}, {"", "ha.dispatcher.d1"},
		{"", "ha.hb.*"}, {"", "ha..hello"}, {"a.b", "a.b.available.x"}, {"hb", "hb.hb.hb"}, {"a.", "a..hello"}, {"", "ha.event.a.b.c"},
		{"", "ha.task.submit"}, {"task", "task.task.task"}, {"", "ha.progress.9f2c"}, {"", "ha.task.submit."},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, prefix, subject string) {
		n, err := NewNames(prefix)
		if err != nil {
			return
		}
		s, err := n.Parse(subject)
		if err != nil {
			return
		}
		if again := rebuild(n, s); again != subject {
			t.Errorf("Parse(%q) = %+v, which the builders spell %q", subject, s, again)
		}
		if strings.ContainsAny(subject, "*> \t\r\n") || strings.Contains(subject, "..") {
			t.Errorf("Parse accepted %q, which is no literal subject", subject)
		}
	})
}

func FuzzBuild(f *testing.F) {
	f.Add("", "9f2c4e0011223344", "worker", "joined")
	f.Add("a.b-c", "a7-42", "leader", "elected")
	f.Add("hb.hello", "hello", "event", "event")
	f.Add("task", "progress", "task", "submit")
	f.Add("ha", "a.b", "*", ">")
	f.Fuzz(func(t *testing.T, prefix, worker, entity, what string) {
		n, err := NewNames(prefix)
		if err != nil {
			return
		}
		id, tokens := ha.WorkerID(worker), ha.ValidToken(worker)
		checkBuilt(t, n, n.Hello(), true, Subject{Topic: TopicHello})
		checkBuilt(t, n, n.Activate(), true, Subject{Topic: TopicActivate})
		checkBuilt(t, n, n.Workers(), true, Subject{Topic: TopicWorkers})
		checkBuilt(t, n, n.Status(), true, Subject{Topic: TopicStatus})
		checkBuilt(t, n, n.Heartbeat(id), tokens, Subject{Topic: TopicHeartbeat, Worker: id})
		checkBuilt(t, n, n.ActivateDirect(id), tokens, Subject{Topic: TopicActivate, Worker: id})
		checkBuilt(t, n, n.Available(id), tokens, Subject{Topic: TopicAvailable, Worker: id})
		checkBuilt(t, n, n.Bye(id), tokens, Subject{Topic: TopicBye, Worker: id})
		checkBuilt(t, n, n.Task(what), ha.ValidToken(what), Subject{Topic: TopicTask, What: what})
		checkBuilt(t, n, n.Cluster(what), ha.ValidToken(what), Subject{Topic: TopicCluster, What: what})
		checkBuilt(t, n, n.Progress(id), tokens, Subject{Topic: TopicProgress, Worker: id})
		checkBuilt(t, n, n.Dispatcher(worker), tokens, Subject{Topic: TopicDispatcher, Dispatcher: worker})
		checkBuilt(t, n, n.Event(entity, what), ha.ValidToken(entity) && ha.ValidToken(what), Subject{Topic: TopicEvent, Entity: entity, What: what})
	})
}

// checkBuilt wants a subject of valid tokens to parse to what it was built
// from, and one of anything else to be refused.
func checkBuilt(t *testing.T, n Names, subject string, valid bool, want Subject) {
	t.Helper()
	got, err := n.Parse(subject)
	switch {
	case valid && (err != nil || got != want):
		t.Errorf("Parse(%q) = %+v, %v; want %+v", subject, got, err, want)
	case !valid && err == nil:
		t.Errorf("Parse(%q) = %+v, built from names that are no tokens", subject, got)
	}
}
