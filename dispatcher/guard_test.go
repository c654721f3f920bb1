package dispatcher_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

// noticedWithin is how soon a journal that is not whole must be noticed: two seconds, and more where
// every package's tests run at once.
const noticedWithin = 8 * time.Second

// logged collects what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) has(text string) bool { return strings.Contains(l.String(), text) }

// kept is a dispatcher whose journal is in a server with a store, and what it says.
type kept struct {
	*rig
	server *embedded.Server
	store  string
	log    *logged
	run    *dispatching
	mu     sync.Mutex
	said   map[string]subjects.Dispatcher
	tasks  int
}

// keeping returns a dispatcher that leads, with some tasks.
func keeping(t *testing.T, store string) *kept {
	t.Helper()
	r := newRig(t)
	s, nc := natsOf(t, embedded.Config{StoreDir: store})
	r.nc = nc
	k := &kept{rig: r, server: s, store: store, log: &logged{}, said: map[string]subjects.Dispatcher{}}
	r.subscribe(r.names.DispatcherAll(), func(m *nats.Msg) {
		var d subjects.Dispatcher
		if json.Unmarshal(m.Data, &d) == nil {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.said[d.Name] = d
		}
	})
	k.run = k.join("d1")
	receive(t, k.run.Ready(), "the dispatcher to answer")
	for range 20 {
		if err := k.submit(); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// join starts a dispatcher on a connection of its own.
func (k *kept) join(name string) *dispatching {
	k.t.Helper()
	nc, err := k.server.Connect(nats.ReconnectBufSize(-1))
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(nc.Close)
	return k.startOn(nc, func(c *dispatcher.Config) {
		c.Name, c.Disk, c.Log = name, k.server, zerolog.New(k.log)
		c.ActivateEvery, c.Lease = 24*time.Hour, 300*time.Millisecond
	})
}

// submit submits a task with an id of its own, once.
func (k *kept) submit() error {
	k.t.Helper()
	msg, err := k.nc.Request(k.names.Task(subjects.TaskSubmit), fmt.Appendf(nil, `{"id":"t%d","kind":"k"}`, k.tasks), time.Second)
	if err != nil {
		return err
	}
	var reply subjects.Submitted
	if err := subjects.DecodeReply(msg.Header.Get(subjects.HeaderErrorCode), msg.Data, &reply); err != nil {
		return err
	}
	k.tasks++
	return nil
}

// saying returns what the dispatcher of that name last said of itself.
func (k *kept) saying(name string) subjects.Dispatcher {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.said[name]
}

// trouble returns what it said to be wrong.
func (k *kept) trouble(name string) string { return k.saying(name).Trouble }

// wantNothingAcknowledged waits until no submission is, and checks that none is after that.
func (k *kept) wantNothingAcknowledged() {
	k.t.Helper()
	began := time.Now()
	for k.submit() == nil {
		if time.Since(began) > noticedWithin {
			k.t.Fatalf("submissions are acknowledged %s later", noticedWithin)
		}
	}
	for range 3 {
		if k.submit() == nil {
			k.t.Error("a submission is acknowledged after one was not")
		}
	}
}

func (k *kept) stream(t *testing.T) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	js, err := jetstream.New(k.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "HA-"+k.names.Prefix())
	if err != nil {
		t.Fatal(err)
	}
	return js, s
}

// TestTheStoreGoesAway: whatever takes the entries away, two seconds later nothing is acknowledged any more, the
// dispatcher says so, and its log names what was acknowledged meanwhile.
func TestTheStoreGoesAway(t *testing.T) {
	change := func(edit func(*jetstream.StreamConfig)) func(*testing.T, *kept) {
		return func(t *testing.T, k *kept) {
			t.Helper()
			js, s := k.stream(t)
			cfg := s.CachedInfo().Config
			edit(&cfg)
			if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(path ...string) func(*testing.T, *kept) {
		return func(t *testing.T, k *kept) {
			t.Helper()
			if err := os.RemoveAll(filepath.Join(append([]string{k.store}, path...)...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := map[string]struct {
		harm func(*testing.T, *kept)
		says string
	}{
		"the store is removed":  {remove(), "was removed"},
		"all streams are":       {remove("jetstream", "$G"), "was removed"},
		"it is deleted":         {func(t *testing.T, k *kept) { deleteStream(t, k) }, "does not exist any more"},
		"and created anew":      {recreateStream, "replaced by another"},
		"it is purged":          {purgeStream(), "somebody purged it"},
		"to a sequence":         {purgeStream(jetstream.WithPurgeSequence(5)), "somebody purged it"},
		"to the last":           {purgeStream(jetstream.WithPurgeKeep(2)), "somebody purged it"},
		"an entry is removed":   {removeEntry, "somebody removed them"},
		"it is limited":         {change(func(c *jetstream.StreamConfig) { c.MaxMsgs = 3 }), "somebody purged it"},
		"it keeps for interest": {keepForInterest, "stop all dispatchers"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := keeping(t, filepath.Join(t.TempDir(), "store"))
			if strings.HasPrefix(name, "it is") { // with a standby, which must not go on either
				k.join("d2")
				eventually(t, "the other one to follow", func() bool { return k.saying("d2").Position > 0 })
			}
			began := time.Now()
			c.harm(t, k)
			k.wantNothingAcknowledged()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%+v\n%s", k.saying("d1"), k.log)
				}
			})
			eventually(t, "the trouble to be told", func() bool { return strings.Contains(k.trouble("d1"), c.says) })
			if took := time.Since(began); took > noticedWithin {
				t.Errorf("it was told after %s", took)
			}
			if !k.log.has("leading no longer") || !k.log.has(`"last_acknowledged":`) {
				t.Error("the log does not name what was acknowledged meanwhile")
			}
			// A standby does not go on without what is gone either.
			k.wantNothingAcknowledged()
			if err := k.submit(); err == nil || k.trouble("d1") == "" {
				t.Error("another one took over")
			}
		})
	}
}

func deleteStream(t *testing.T, k *kept) jetstream.JetStream {
	t.Helper()
	js, s := k.stream(t)
	if err := js.DeleteStream(t.Context(), s.CachedInfo().Config.Name); err != nil {
		t.Fatal(err)
	}
	return js
}

func recreateStream(t *testing.T, k *kept) {
	t.Helper()
	_, s := k.stream(t)
	if _, err := deleteStream(t, k).CreateStream(t.Context(), s.CachedInfo().Config); err != nil {
		t.Fatal(err)
	}
}

func purgeStream(opts ...jetstream.StreamPurgeOpt) func(*testing.T, *kept) {
	return func(t *testing.T, k *kept) {
		t.Helper()
		_, s := k.stream(t)
		if err := s.Purge(t.Context(), opts...); err != nil {
			t.Fatal(err)
		}
	}
}

// keepForInterest has the stream keep entries for those who follow it alone, until one is lost by that: the dispatcher
// puts the setting right, and may do so before the next entry.
func keepForInterest(t *testing.T, k *kept) {
	t.Helper()
	js, s := k.stream(t)
	first := s.CachedInfo().State.FirstSeq
	eventually(t, "an entry to be lost", func() bool {
		cfg := s.CachedInfo().Config
		cfg.Retention = jetstream.InterestPolicy
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		_ = k.submit() // refused: it was noticed
		info, err := s.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.State.FirstSeq > first
	})
}

func removeEntry(t *testing.T, k *kept) {
	t.Helper()
	_, s := k.stream(t)
	if err := s.DeleteMsg(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
}

// TestTheStoreComesBack: the dispatcher goes on with all that it had acknowledged.
func TestTheStoreComesBack(t *testing.T) {
	t.Parallel()
	k := keeping(t, filepath.Join(t.TempDir(), "store"))
	if err := os.Rename(k.store, k.store+".away"); err != nil {
		t.Fatal(err)
	}
	k.wantNothingAcknowledged()
	if err := os.Rename(k.store+".away", k.store); err != nil {
		t.Fatal(err)
	}
	eventually(t, "submissions to be taken", func() bool { return k.submit() == nil })
	eventually(t, "the trouble to be over", func() bool { return k.trouble("d1") == "" })
	k.wantTasks()
}

// wantTasks wants all tasks to be there whose submission was acknowledged.
func (k *kept) wantTasks() {
	k.t.Helper()
	for i := range k.tasks {
		var r ha.TaskRecord
		k.must(k.names.Task(subjects.TaskGet), fmt.Sprintf(`{"id":"t%d"}`, i), &r)
	}
}

// TestSettingsAreRepaired while the dispatcher leads, before they lose anything.
func TestSettingsAreRepaired(t *testing.T) {
	t.Parallel()
	k := keeping(t, filepath.Join(t.TempDir(), "store"))
	js, s := k.stream(t)
	cfg := s.CachedInfo().Config
	cfg.MaxAge, cfg.MaxMsgs, cfg.Discard = time.Hour, 1_000_000, jetstream.DiscardNew
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, "the settings to be put right", func() bool {
		info, err := s.Info(t.Context())
		return err == nil && info.Config.MaxAge == 0 && info.Config.MaxMsgs == -1 && info.Config.Discard == jetstream.DiscardOld
	})
	if took := time.Since(began); took > noticedWithin {
		t.Errorf("it took %s", took)
	}
	eventually(t, "a warning that names them", func() bool { return k.log.has(`"settings":["discard","max_age","max_msgs"]`) })
	if err := k.submit(); err != nil {
		t.Error(err)
	}
	if trouble := k.trouble("d1"); trouble != "" {
		t.Errorf("trouble: %s", trouble)
	}
	if w := k.status().Journal.Warnings; len(w) > 0 {
		t.Errorf("an embedded server is warned of: %q", w)
	}
}

// TestSettingsThatCannotBeRepaired are a trouble.
func TestSettingsThatCannotBeRepaired(t *testing.T) {
	t.Parallel()
	k := keeping(t, filepath.Join(t.TempDir(), "store"))
	js, s := k.stream(t)
	cfg := s.CachedInfo().Config
	cfg.DenyPurge = true
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the trouble to be told", func() bool { return strings.Contains(k.trouble("d1"), "refuses purges") })
	if err := k.submit(); err != nil {
		t.Errorf("what can still be stored is not: %v", err)
	}
}

// refusedForRoom reports whether err is a refusal for lack of room.
func refusedForRoom(err error) bool {
	var refusal *ha.Error
	return errors.As(err, &refusal) && refusal.Status == 429 && refusal.Code == "no_room"
}

// embeddedIn is a server with a store.
func embeddedIn(store string) embedded.Config { return embedded.Config{StoreDir: store} }
