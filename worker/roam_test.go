package worker_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// listening starts a server that can be reached by its address.
func listening(t *testing.T) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// TestMovesFromAServerThatIsCutOff: such a server keeps its connections, and nobody answers there. The worker goes to
// another one, and not to the same under another name, before it would give up.
func TestMovesFromAServerThatIsCutOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ keep, atHello bool }{
		"in its life": {}, "at the beginning": {atHello: true}, "unless it keeps its server": {keep: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			away, home := listening(t), listening(t)
			here := newFakeOn(t, connect(t, home))
			here.reply.Misses, here.reply.HeartbeatMS, here.reply.ReplyTimeoutMS = 8, 100, 100
			here.listen()
			there := newFakeBelow(t, connect(t, away), here.names.Prefix())
			there.reply = here.reply
			if !tc.atHello {
				there.listen()
			}
			nc, err := nats.Connect(away.URL(), nats.MaxReconnects(-1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			otherName := strings.Replace(away.URL(), "127.0.0.1", "localhost", 1)
			if err := nc.SetServerPool([]string{away.URL(), otherName, home.URL()}); err != nil || otherName == away.URL() {
				t.Fatal(otherName, err)
			}
			w := here.startOn(nc, worker.Config{Handler: idle, KeepServer: tc.keep})
			if !tc.atHello {
				w.registered()
				there.await(subjects.TopicHeartbeat, 1)
				there.vanish()
			}
			if tc.keep {
				if err := w.result(); err == nil || len(here.seen(subjects.TopicHeartbeat)) > 0 {
					t.Errorf("it came to the other server, and ended with %v", err)
				}
				return
			}
			here.await(subjects.TopicHeartbeat, 3)
			if nc.ConnectedUrl() != home.URL() || w.ID() == "" {
				t.Errorf("%q is at %s", w.ID(), nc.ConnectedUrl())
			}
			w.stop()
			if err := w.result(); err != nil {
				t.Error(err)
			}
		})
	}
}
