package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/internal/eventually"
)

// noticedWithin is how soon a store that is gone must be noticed: two seconds, and more where
// every package's tests run at once.
const noticedWithin = 8 * time.Second

// publish returns whether the stream acknowledges a message.
func publish(t *testing.T, js jetstream.JetStream) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := js.Publish(ctx, "log", []byte("x"))
	return err
}

// knows reports whether the guard looks after the directory of a stream.
func (g *guard) knows(stream string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for path := range g.streams {
		if filepath.Base(path) == stream {
			return true
		}
	}
	return false
}

// serving returns a server with a store and a stream that holds messages.
func serving(t *testing.T) (s *Server, js jetstream.JetStream, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	s = start(t, Config{StoreDir: dir})
	js, _ = stream(t, inProcess(t, s))
	for range 10 {
		if err := publish(t, js); err != nil {
			t.Fatal(err)
		}
	}
	// The guard has seen it whole.
	eventually.True(t, deadline, func() bool { return s.guard.knows("LOG") }, "the guard to know the stream")
	return s, js, dir
}

// TestStoreThatIsRemoved: within two seconds of it nothing is acknowledged any more.
func TestStoreThatIsRemoved(t *testing.T) {
	t.Parallel()
	remove := func(path ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.RemoveAll(filepath.Join(append([]string{dir}, path...)...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := map[string]func(*testing.T, string){
		"the store":             remove(),
		"what is in it":         remove(jetStreamDir),
		"the account":           remove(jetStreamDir, "$G"),
		"all streams":           remove(jetStreamDir, "$G", streamsDir),
		"the stream":            remove(jetStreamDir, "$G", streamsDir, "LOG"),
		"the stream's messages": remove(jetStreamDir, "$G", streamsDir, "LOG", blocksDir),
		"its newest block":      remove(jetStreamDir, "$G", streamsDir, "LOG", blocksDir, "1.blk"),
		"its settings":          remove(jetStreamDir, "$G", streamsDir, "LOG", streamMeta),
		"replaced": func(t *testing.T, dir string) {
			t.Helper()
			remove()(t, dir)
			if err := os.MkdirAll(filepath.Join(dir, jetStreamDir, "$G", streamsDir, "LOG", blocksDir), 0o700); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, js, dir := serving(t)
			if err := errors.Join(s.StoreGone(), s.StoreStuck()); err != nil {
				t.Fatalf("before: %v", err)
			}
			harm(t, dir)
			eventually.True(t, noticedWithin, func() bool { return s.StoreGone() != nil }, "the store to be noticed as gone")
			if err := s.StoreGone(); !errors.Is(err, ErrStoreGone) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want ErrStoreGone that names %s", err, dir)
			}
			eventually.True(t, noticedWithin, func() bool { return publish(t, js) != nil }, "nothing to be acknowledged any more")
			if s.Err() != nil {
				t.Errorf("the server itself ended: %v", s.Err())
			}
		})
	}
}

// TestStoreThatComesBack: what was moved away and is back where it was is served again, whole.
func TestStoreThatComesBack(t *testing.T) {
	t.Parallel()
	s, js, dir := serving(t)
	away := dir + ".away"
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, noticedWithin, func() bool { return s.StoreGone() != nil }, "the store to be noticed as gone")
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, deadline, func() bool { return s.StoreGone() == nil && s.StoreStuck() == nil }, "the store to be noticed as back")
	eventually.True(t, deadline, func() bool { return publish(t, js) == nil }, "messages to be stored again")
	info, err := js.Stream(t.Context(), "LOG")
	if err != nil {
		t.Fatal(err)
	}
	if state := info.CachedInfo().State; state.FirstSeq != 1 || state.LastSeq < 11 || state.Msgs != state.LastSeq {
		t.Errorf("the stream has %+v", state)
	}
}

// TestOrderlyChangesOfStreams are none of the guard's business.
func TestOrderlyChangesOfStreams(t *testing.T) {
	t.Parallel()
	s, js, _ := serving(t)
	for range 3 {
		log, err := js.Stream(t.Context(), "LOG")
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := js.DeleteStream(t.Context(), "LOG"); err != nil {
			t.Fatal(err)
		}
		eventually.True(t, deadline, func() bool { return !s.guard.knows("LOG") }, "the guard to forget the stream")
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}}); err != nil {
			t.Fatal(err)
		}
		if err := publish(t, js); err != nil {
			t.Fatal(err)
		}
		eventually.True(t, deadline, func() bool { return s.guard.knows("LOG") }, "the guard to know the stream")
	}
	if err := errors.Join(s.StoreGone(), s.StoreStuck()); err != nil {
		t.Error(err)
	}
}
