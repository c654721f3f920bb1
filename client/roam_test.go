package client_test

import (
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

// TestMovesFromAServerThatIsCutOff: a client goes to another server before it says that nobody is there.
func TestMovesFromAServerThatIsCutOff(t *testing.T) {
	t.Parallel()
	var urls []string
	var last *embedded.Server
	for range 2 {
		s, err := embedded.Start(t.Context(), embedded.Config{NoJetStream: true, Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Shutdown)
		urls, last = append(urls, s.URL()), s
	}
	for name, keep := range map[string]bool{"moves": false, "unless it keeps its server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeOn(t, dial(t, last.URL())).listen()
			nc := dial(t, urls[0])
			if err := nc.SetServerPool(urls); err != nil {
				t.Fatal(err)
			}
			c := f.clientOn(nc, client.Config{Timeout: 300 * time.Millisecond, Patience: 6 * time.Second, KeepServer: keep})
			if _, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"}); (err != nil) != keep {
				t.Errorf("got %v", err)
			}
			n, at := len(f.seen(subjects.TaskSubmit)), nc.ConnectedUrl()
			if keep && (n > 0 || at != urls[0]) || !keep && (n != 1 || at != urls[1]) {
				t.Errorf("%d submissions, at %s", n, at)
			}
		})
	}
}
