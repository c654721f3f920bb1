package dispatcher_test

// The test of moving a journal between servers is here, and not in dispatcher/backup:
// each package whose tests start a server costs seconds to link.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/dispatcher/audit"
	"github.com/seed261fe303/ha/dispatcher/backup"
	"github.com/seed261fe303/ha/embedded"
	wait "github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// natsOf starts a server that ends with the test, and connects to it.
func natsOf(t *testing.T, cfg embedded.Config) (*embedded.Server, *nats.Conn) {
	t.Helper()
	s, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	nc, err := s.Connect(nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return s, nc
}

// emptyCluster starts three servers that have met.
func emptyCluster(t *testing.T) *nats.Conn {
	t.Helper()
	routes, err := process.FreeAddresses(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var servers []*embedded.Server
	var nc *nats.Conn
	for _, r := range routes {
		var s *embedded.Server
		s, nc = natsOf(t, embedded.Config{Listen: "127.0.0.1:0", ClusterListen: r, Routes: routes, StoreDir: t.TempDir()})
		servers = append(servers, s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, s := range servers {
		if err := s.JetStreamReady(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return nc
}

// running runs a dispatcher that leads, and returns what stops it.
func running(t *testing.T, nc *nats.Conn, name string) (stop func()) {
	t.Helper()
	cfg := dispatcher.Config{Name: name}
	cfg.Journal, cfg.ActivateEvery = dispatcher.JournalStream, dispatcher.ActivateWhenIdle
	d, err := dispatcher.New(nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Cleanup(stop)
	select {
	case <-d.Ready():
	case err := <-ended:
		t.Fatalf("%s ended: %v", name, err)
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not lead", name)
	}
	return stop
}

// ask sends a request and decodes its answer.
func ask[T any](t *testing.T, nc *nats.Conn, subject string, body any) (answer T) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := nc.Request(subject, data, 5*time.Second)
	if err == nil {
		err = subjects.DecodeReply(reply.Header.Get(subjects.HeaderErrorCode), reply.Data, &answer)
	}
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return answer
}

// state is what of the workers must survive.
func state(t *testing.T, nc *nats.Conn) (text string, leader subjects.Dispatcher) {
	t.Helper()
	for _, w := range ask[subjects.Workers](t, nc, "ha.workers", struct{}{}).Workers {
		text += fmt.Sprintln(w.ID, w.Name, w.Weight, w.Activations, w.Busy, w.Slots, w.Pools)
	}
	return text, ask[subjects.Status](t, nc, "ha.status", struct{}{}).Leader
}

// A standalone server's journal moves into a cluster, with all that was acknowledged.
func TestBackupOfAStandaloneRestoredIntoACluster(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	_, single := natsOf(t, embedded.Config{StoreDir: t.TempDir()})
	for _, prefix := range []string{"ha", ""} {
		if _, err := backup.Save(t.Context(), single, prefix, new(bytes.Buffer)); !errors.Is(err, backup.ErrNoJournal) {
			t.Errorf("no journal below %q: %v", prefix, err)
		}
	}
	js, err := jetstream.New(single)
	if err != nil {
		t.Fatal(err)
	}
	for name := range js.StreamNames(t.Context()).Name() {
		t.Errorf("a backup of nothing made the stream %s", name)
	}
	stop := running(t, single, "d1")
	ids := map[ha.WorkerID]bool{}
	for i := range 5 {
		welcome := ask[subjects.HelloReply](t, single, "ha.hello", subjects.Hello{Weight: ha.Weight(i + 1), Name: fmt.Sprint("w", i)})
		ids[welcome.ID] = true
	}
	if len(ids) != 5 {
		t.Fatalf("workers %v", ids)
	}
	want, leader := state(t, single)

	var out bytes.Buffer
	info, err := backup.Save(t.Context(), single, "ha", &out) // while it leads
	file := out.Bytes()
	if err != nil || info.Epoch != uint64(leader.Epoch) || info.Bytes != int64(len(file)) {
		t.Fatalf("%+v, %v", info, err)
	}
	if same, err := backup.Save(t.Context(), single, "", io.Discard); err != nil || same.Prefix != "ha" || same.Entries < info.Entries {
		t.Errorf("below the default prefix: %+v, %v", same, err)
	}
	_, err = backup.Restore(t.Context(), single, "ha", bytes.NewReader(file))
	if !errors.Is(err, backup.ErrJournalNotEmpty) {
		t.Errorf("under a dispatcher: want ErrJournalNotEmpty, got %v", err)
	}
	if _, err := backup.Restore(t.Context(), single, "other", bytes.NewReader(file)); err != nil {
		t.Errorf("below another prefix: %v", err)
	}
	verified(t, single, "other")
	stop()

	cluster := emptyCluster(t)
	if _, err := backup.Restore(t.Context(), cluster, "ha", bytes.NewReader(file[:len(file)-1])); !errors.Is(err, backup.ErrInvalid) {
		t.Errorf("cut short: want ErrBackupInvalid, got %v", err)
	}
	if _, err := backup.Restore(t.Context(), cluster, "*", bytes.NewReader(file)); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("bad prefix: want ErrInvalid, got %v", err)
	}
	restored, err := backup.Restore(t.Context(), cluster, "ha", bytes.NewReader(file))
	if err != nil || restored != info {
		t.Fatalf("%+v, %v", restored, err)
	}
	running(t, cluster, "d2")
	got, now := state(t, cluster)
	if got != want {
		t.Errorf("the workers are\n%swere\n%s", got, want)
	}
	if now.Name != "d2" || now.Epoch <= leader.Epoch {
		t.Errorf("%+v leads after %+v", now, leader)
	}
	replicated(t, cluster, 3)
}

// verified replays the journal and checks that it makes sense.
func verified(t *testing.T, nc *nats.Conn, prefix string) {
	t.Helper()
	i, err := audit.Open(t.Context(), nc, prefix)
	if err != nil {
		t.Fatal(err)
	}
	report, err := i.Verify(t.Context())
	if err != nil || !report.OK() {
		t.Errorf("verify: %+v, %v", report.Problems, err)
	}
}

// replicated waits until the journal has that many replicas: a new cluster does
// not know all its servers at once, and a leader raises the number.
func replicated(t *testing.T, nc *nats.Conn, replicas int) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	wait.Succeeds(t, 30*time.Second, func(ctx context.Context) error {
		s, err := js.Stream(ctx, "HA-ha")
		if err == nil && s.CachedInfo().Config.Replicas != replicas {
			err = fmt.Errorf("%d replicas, not %d", s.CachedInfo().Config.Replicas, replicas)
		}
		return err
	})
}
