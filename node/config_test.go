package node_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/node"
)

func TestZeroConfigIsValid(t *testing.T) {
	if err := (node.Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesAllProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  node.Config
		want []string
	}{
		"both parts": {node.Config{Listen: "nowhere", Dispatcher: dispatcher.Config{Name: "a.b"}}, []string{"listen must", "name must"}},
		"two listens": {
			node.Config{Listen: "127.0.0.1:1", Store: "a", Server: embedded.Config{Listen: "127.0.0.1:2", StoreDir: "b"}},
			[]string{"listen and the server's", "store and the server's"},
		},
		"a stream without JetStream": {
			node.Config{Server: embedded.Config{NoJetStream: true}, Dispatcher: dispatcher.Config{Journal: dispatcher.JournalStream}},
			[]string{"the journal cannot be in JetStream"},
		},
		"listen on a connection": {node.Config{Conn: new(nats.Conn), Listen: "127.0.0.1:1"}, []string{"no server of its own"}},
		"server on a connection": {
			node.Config{Conn: new(nats.Conn), Server: embedded.Config{NoJetStream: true}}, []string{"no server of its own"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.cfg.Validate()
			if !errors.Is(err, ha.ErrInvalid) {
				t.Fatalf("want ErrInvalid, got %v", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if _, startErr := node.Start(t.Context(), tc.cfg); startErr == nil || startErr.Error() != err.Error() {
				t.Errorf("Start says %v", startErr)
			}
		})
	}
}

// TestANodeThatForgetsSaysSoOnce, unless that is what was asked for.
func TestANodeThatForgetsSaysSoOnce(t *testing.T) {
	const warning = "no store was named"
	for name, tc := range map[string]struct {
		cfg       node.Config
		want      int
		jetStream bool
	}{
		"zero":       {node.Config{}, 1, false},
		"ephemeral":  {node.Config{Ephemeral: true}, 0, false},
		"with store": {node.Config{Store: t.TempDir()}, 0, true},
		"the server's own": {
			node.Config{Server: embedded.Config{StoreDir: t.TempDir()}}, 0, true,
		},
		"a stream all the same": {node.Config{Dispatcher: dispatcher.Config{Journal: dispatcher.JournalStream}}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			leakFree(t)
			var log process.Output
			tc.cfg.Log = zerolog.New(&log).Level(zerolog.InfoLevel)
			n := start(t, tc.cfg)
			nc, err := n.Connect("look")
			if err != nil {
				t.Fatal(err)
			}
			js, err := nc.JetStream()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := js.AccountInfo(); (err == nil) != tc.jetStream {
				t.Errorf("JetStream: want %t, got %v", tc.jetStream, err)
			}
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(log.String(), warning); got != tc.want || strings.Count(log.String(), `"level":"warn"`) != tc.want {
				t.Errorf("said %d times, want %d, in\n%s", got, tc.want, log.String())
			}
			if tc.want > 0 && strings.Count(log.String(), `"message":"stopped"`) != 1 {
				t.Errorf("the dispatcher does not use the node's log:\n%s", log.String())
			}
		})
	}
}

// TestAPartKeepsItsOwnLog: the dispatcher's is set, the server's is not.
func TestAPartKeepsItsOwnLog(t *testing.T) {
	leakFree(t)
	var ours, its process.Output
	n := start(t, node.Config{Ephemeral: true, Log: zerolog.New(&ours), Dispatcher: dispatcher.Config{Log: zerolog.New(&its)}})
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(ours.String(), `"dispatcher"`) || !strings.Contains(its.String(), `"dispatcher"`) {
		t.Errorf("the node's log:\n%s\nthe dispatcher's:\n%s", ours.String(), its.String())
	}
	if !strings.Contains(ours.String(), `"nats_server"`) || strings.Contains(its.String(), `"nats_server"`) {
		t.Errorf("the node's log:\n%s\nthe dispatcher's:\n%s", ours.String(), its.String())
	}
}
