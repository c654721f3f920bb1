package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStoreKeepsItsMode(t *testing.T) {
	leakFree(t)
	member := clusterConfigs(t, 3)[0]
	single := Config{StoreDir: t.TempDir()}
	s := start(t, single)
	s.Shutdown()
	member.StoreDir = single.StoreDir
	member.Name = ""

	// Nothing is in it that could be lost.
	start(t, member).Shutdown()
	refused := func(cfg Config, says ...string) {
		t.Helper()
		_, err := Start(t.Context(), cfg)
		if !errors.Is(err, ErrStoreMode) {
			t.Fatalf("want ErrStoreMode, got %v", err)
		}
		for _, part := range append(says, cfg.StoreDir, "ha backup", "ha restore") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("want %q in %v", part, err)
			}
		}
	}
	refused(single, "member of a cluster")
	unmarked(t, single.StoreDir)
	refused(single, "member of a cluster") // the Raft log tells
	start(t, member).Shutdown()

	single.StoreDir, member.StoreDir = t.TempDir(), ""
	s = start(t, single)
	stream(t, inProcess(t, s))
	s.Shutdown()
	member.StoreDir = single.StoreDir
	refused(member, "standalone", "delete")
	unmarked(t, single.StoreDir)
	refused(member, "standalone", "delete") // the streams tell
	if _, err := os.Stat(filepath.Join(single.StoreDir, modeFile)); err == nil {
		t.Error("a refused start left its mark")
	}
	start(t, single)
}

// unmarked makes the store one of before there were marks.
func unmarked(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, modeFile)); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedModeIsNoMode(t *testing.T) {
	leakFree(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, modeFile), []byte("clus"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := Start(t.Context(), Config{StoreDir: dir})
		if err == nil || !strings.Contains(err.Error(), `"clus"`) {
			t.Errorf("want an error that shows the mode, got %v", err)
		}
	}
	start(t, Config{StoreDir: dir, NoJetStream: true}) // stores nothing
}
