package mark

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("HA_MARK_DIR"); dir != "" {
		keepNoting(dir)
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *File {
	t.Helper()
	m, err := Open(dir, "a.b")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func shut(t *testing.T, m *File) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// TestTheHighestCounts, over restarts too.
func TestTheHighestCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	m := open(t, dir)
	if !m.Last().IsZero() {
		t.Errorf("a new mark is at %+v", m.Last())
	}
	for _, p := range []Position{{1, 1}, {5, 1}, {3, 1}, {2, 2}, {9, 1}} {
		m.Note(p)
	}
	want := Position{Seq: 2, Epoch: 2}
	for range 2 {
		if m.Last() != want {
			t.Errorf("it is at %+v, want %+v", m.Last(), want)
		}
		shut(t, m)
		m.Note(Position{100, 100}) // dropped
		m = open(t, dir)
	}
	if _, err := Open(dir, "a.b"); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	other, err := Open(dir, "other")
	if err != nil || !other.Last().IsZero() {
		t.Fatalf("another prefix: %+v, %v", other.Last(), err)
	}
	shut(t, other)
	shut(t, m)
}

// TestTornWrites: whatever part of the last write reached the file, the mark is the one
// before it or the last.
func TestTornWrites(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	for seq := range uint64(5) {
		m.Note(Position{Seq: seq + 1, Epoch: 1})
	}
	path := m.Path()
	shut(t, m)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := encode(Position{Seq: 6, Epoch: 1}, 6)
	at := 6 % 2 * slotSize
	for n := range slotSize + 1 {
		torn := append([]byte{}, before...)
		copy(torn[at:], last[:n])
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		m := open(t, dir)
		if got := m.Last(); got.Seq != 5 && got.Seq != 6 || n == slotSize && got.Seq != 6 {
			t.Errorf("%d bytes of it make %+v", n, got)
		}
		shut(t, m)
	}
	if err := os.WriteFile(path, []byte("something else, of any length, that is no mark"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, "a.b"); err == nil {
		t.Error("a file that is none is taken for a mark")
	}
}

// keepNoting notes positions until the process is killed, and prints each when it was noted.
func keepNoting(dir string) {
	m, err := Open(dir, "a.b")
	if err != nil {
		panic(err)
	}
	for seq := uint64(1); ; seq++ {
		m.Note(Position{Seq: seq, Epoch: 1})
		if _, err := os.Stdout.Write([]byte{'.'}); err != nil {
			panic(err)
		}
	}
}

// TestAMarkSurvivesAKill: what was noted is there, though nobody synced it.
func TestAMarkSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "none") // #nosec G204 -- this program
	cmd.Env = append(os.Environ(), "HA_MARK_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	noted := 0
	for b := make([]byte, 512); noted < 5000; {
		n, err := out.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		noted += n
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	m := open(t, dir)
	if got := m.Last(); got.Seq < uint64(noted) {
		t.Errorf("%d were noted, the mark is at %+v", noted, got)
	}
	shut(t, m)
}

func TestBadPlaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, "ha"); err == nil {
		t.Error("a file is taken for a directory")
	}
}
