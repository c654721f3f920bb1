package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/subjects"
)

// submit hands in so many tasks, one after the other.
func submit(t *testing.T, n *node.Node, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := n.Client().Submit(t.Context(), ha.TaskSpec{ID: ha.TaskID(fmt.Sprint("t", i)), Kind: "k"}); err != nil {
			t.Fatal(err)
		}
	}
}

func statusOf(t *testing.T, n *node.Node) (s subjects.Status) {
	t.Helper()
	nc, err := n.Connect("status")
	if err != nil {
		t.Fatal(err)
	}
	m, err := nc.Request("ha.status", nil, 10*time.Second)
	if err == nil {
		err = json.Unmarshal(m.Data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// blocks are the files with the entries of the journal, in order.
func blocks(t *testing.T, store string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(store, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".blk") && strings.Contains(path, "HA-ha") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%q, %v", paths, err)
	}
	slices.Sort(paths)
	return paths
}

// TestALostEndIsNoticed: a store that was cut, rolled back or emptied looks whole by itself. A
// dispatcher does not lead on it, says what is missing, and goes on if it is told to, under
// an epoch above any before.
func TestALostEndIsNoticed(t *testing.T) {
	const early, all = 40, 120
	for name, damage := range map[string]func(t *testing.T, store, older string){
		"cut": func(t *testing.T, store, _ string) {
			path := blocks(t, store)[len(blocks(t, store))-1]
			info, err := os.Stat(path)
			if err == nil {
				err = os.Truncate(path, info.Size()*2/3)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"a flipped bit": func(t *testing.T, store, _ string) {
			path := blocks(t, store)[len(blocks(t, store))-1]
			b, err := os.ReadFile(path)
			if err == nil {
				b[len(b)*3/4] ^= 0x10
				err = os.WriteFile(path, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"rolled back": func(t *testing.T, store, older string) {
			empty(t, store)
			if err := os.CopyFS(filepath.Join(store, "jetstream"), os.DirFS(filepath.Join(older, "jetstream"))); err != nil {
				t.Fatal(err)
			}
		},
		"emptied": func(t *testing.T, store, _ string) { empty(t, store) },
	} {
		t.Run(name, func(t *testing.T) {
			leakFree(t)
			store, older := t.TempDir(), t.TempDir()
			cfg := node.Config{Store: store, Dispatcher: dispatcher.Config{Name: "d1"}}
			n := start(t, cfg)
			submit(t, n, 0, early)
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(older, os.DirFS(store)); err != nil {
				t.Fatal(err)
			}
			n = start(t, cfg)
			submit(t, n, early, all)
			epoch := statusOf(t, n).Leader.Epoch
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			damage(t, store, older)
			// As after a kill: the server has not written down where its stream ends.
			index := filepath.Join(store, strings.TrimPrefix(filepath.Dir(blocks(t, older)[0]), older), "index.db")
			if err := os.Remove(index); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}

			var log process.Output
			cfg.Log = zerolog.New(&log)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			started := make(chan error, 1)
			go func() {
				n, err := node.Start(ctx, cfg)
				if err == nil {
					_ = n.Stop()
				}
				started <- err
			}()
			eventually.Nil(t, 20*time.Second, func() error {
				select {
				case err := <-started:
					t.Fatalf("it ends: %v", err)
				default:
				}
				if said := log.String(); !strings.Contains(said, "is known to have had entry") {
					return fmt.Errorf("nothing is said of the loss: %s", said)
				}
				return nil
			})
			cancel()
			if err := <-started; err == nil {
				t.Fatal("it leads all the same")
			}

			cfg.Dispatcher.AcceptLoss = true
			n = start(t, cfg)
			if got := statusOf(t, n).Leader; got.Epoch <= epoch || got.Trouble != "" {
				t.Errorf("it leads as %+v, the epoch before was %d", got, epoch)
			}
			if !strings.Contains(log.String(), "the loss is accepted") {
				t.Errorf("it does not say what it accepts: %s", log.String())
			}
			submit(t, n, all, all+5)
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			// Nothing is missing any more.
			cfg.Dispatcher.AcceptLoss = false
			n = start(t, cfg)
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// empty removes what the server keeps, and leaves the mark.
func empty(t *testing.T, store string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(store, "jetstream")); err != nil {
		t.Fatal(err)
	}
}

// TestAcceptLossOfNothing changes nothing, and says so.
func TestAcceptLossOfNothing(t *testing.T) {
	leakFree(t)
	var log process.Output
	n := start(t, node.Config{Store: t.TempDir(), Log: zerolog.New(&log), Dispatcher: dispatcher.Config{Name: "d1", AcceptLoss: true}})
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "nothing is missing") {
		t.Errorf("it says %s", log.String())
	}
}
