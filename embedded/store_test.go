package embedded

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/nats-io/nats.go/jetstream"
)

func TestStoreSurvivesARestart(t *testing.T) {
	leakFree(t)
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	first := start(t, Config{StoreDir: dir})
	js, _ := stream(t, inProcess(t, first))
	if _, err := js.Publish(t.Context(), "log", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	first.Shutdown()

	second := start(t, Config{StoreDir: dir})
	if second.Name() != first.Name() {
		t.Errorf("the name changed from %q to %q", first.Name(), second.Name())
	}
	_, log := stream(t, inProcess(t, second))
	if m, err := log.GetMsg(t.Context(), 1); err != nil || string(m.Data) != "kept" {
		t.Errorf("got %v, %v", m, err)
	}
	second.Shutdown()

	_, err := Start(t.Context(), Config{StoreDir: dir, Name: "another"})
	if !errors.Is(err, ErrNameMismatch) || !strings.Contains(err.Error(), first.Name()) || !strings.Contains(err.Error(), dir) {
		t.Errorf("want ErrNameMismatch that names server and store, got %v", err)
	}
	start(t, Config{StoreDir: dir, Name: first.Name()})
}

func TestTwoServersOverOneStore(t *testing.T) {
	leakFree(t)
	dir := t.TempDir()
	first := start(t, Config{StoreDir: dir})
	_, err := Start(t.Context(), Config{StoreDir: dir})
	if !errors.Is(err, ErrStoreInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("want ErrStoreInUse that names %s, got %v", dir, err)
	}
	first.Shutdown()
	start(t, Config{StoreDir: dir})
}

func TestBadStores(t *testing.T) {
	leakFree(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, nameFile), []byte("a b"), 0o600); err != nil {
		t.Fatal(err)
	}
	unnamed := t.TempDir()
	if err := os.Mkdir(filepath.Join(unnamed, nameFile), 0o700); err != nil {
		t.Fatal(err)
	}
	unlockable := t.TempDir()
	if err := os.Mkdir(filepath.Join(unlockable, lockFile), 0o700); err != nil {
		t.Fatal(err)
	}
	unwritable := t.TempDir()
	if err := os.Mkdir(filepath.Join(unwritable, nameFile+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	streams := t.TempDir() // what nats-server itself cannot open
	if err := os.WriteFile(filepath.Join(streams, "jetstream"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, dir := range map[string]string{
		"not a directory":             file,
		`holds "a b", which is not`:   damaged,
		"read server name":            unnamed,
		"lock store":                  unlockable,
		"write " + unwritable:         unwritable,
		"storage directory is not a ": streams,
	} {
		t.Run(want, func(t *testing.T) {
			for range 2 { // the second time shows that the first let go of the lock
				_, err := Start(t.Context(), Config{StoreDir: dir})
				if err == nil || errors.Is(err, ErrStoreInUse) || !strings.Contains(err.Error(), want) {
					t.Errorf("want an error with %q, got %v", want, err)
				}
			}
		})
	}
}

func TestNoTemporaryDirectory(t *testing.T) {
	leakFree(t)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	if _, err := Start(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "open store") {
		t.Errorf("want an error that says open store, got %v", err)
	}
	start(t, Config{NoJetStream: true}) // needs none
}

// childStore in the environment turns the test binary into a process that publishes
// to a server of its own until it is killed.
const childStore = "HA_TEST_CHILD_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childStore); dir != "" {
		if err := publishForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	_ = flag.Set("test.parallel", "6") // more than processors: most of what these tests do is to wait
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func publishForEver(dir string) error {
	ctx := context.Background()
	s, err := Start(ctx, Config{StoreDir: dir})
	if err != nil {
		return err
	}
	nc, err := s.Connect()
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}}); err != nil {
		return err
	}
	for i := 1; ; i++ {
		if _, err := js.Publish(ctx, "log", []byte(strconv.Itoa(i))); err != nil {
			return err
		}
		fmt.Println(i) // acknowledged
	}
}

func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	leakFree(t)
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childStore+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acks := bufio.NewScanner(out)
	for range 20 {
		if !acks.Scan() {
			t.Fatal("the child ended early")
		}
	}
	_, err = Start(t.Context(), Config{StoreDir: dir})
	if pid := strconv.Itoa(child.Process.Pid); !errors.Is(err, ErrStoreInUse) || !strings.Contains(err.Error(), pid) {
		t.Errorf("want ErrStoreInUse that names process %s, got %v", pid, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	last := 20
	for acks.Scan() {
		if n, err := strconv.Atoi(acks.Text()); err == nil { // the last line may be cut
			last = max(last, n)
		}
	}
	_, _ = io.Copy(io.Discard, out)
	_ = child.Wait() // killed, as it should be

	s := start(t, Config{StoreDir: dir})
	_, log := stream(t, inProcess(t, s))
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := info.State.LastSeq; got < uint64(last) {
		t.Errorf("%d messages were acknowledged and %d are there", last, got)
	}
	if m, err := log.GetMsg(t.Context(), uint64(last)); err != nil || string(m.Data) != strconv.Itoa(last) {
		t.Errorf("message %d is %v, %v", last, m, err)
	}
}
