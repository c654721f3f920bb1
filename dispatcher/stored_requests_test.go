package dispatcher_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/worker"
)

// storeEverything makes a stream of all that is sent below the prefix, which acknowledges
// each request.
func (r *rig) storeEverything(name string) {
	r.t.Helper()
	js, err := jetstream.New(r.nc)
	if err == nil {
		_, err = js.CreateStream(r.t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{r.names.Prefix() + ".>"}, Storage: jetstream.MemoryStorage, MaxMsgs: 1000})
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// TestAStreamThatStoresRequestsSpoilsNoReply: its acknowledgement comes first, and is not
// the answer for a client or a worker.
func TestAStreamThatStoresRequestsSpoilsNoReply(t *testing.T) {
	r := newStoredRig(t)
	r.start(func(c *dispatcher.Config) { c.Journal = dispatcher.JournalMemory })
	r.storeEverything("EVERYTHING")
	if msg, err := r.nc.Request(r.names.Prefix()+".nobody", nil, patience); err != nil || !strings.HasPrefix(string(msg.Data), `{"stream":"EVERYTHING"`) {
		t.Fatalf("the stream does not acknowledge: %v, %v", msg, err)
	}
	w, err := worker.New(connect(t, r.server), worker.Config{Prefix: r.names.Prefix()})
	if err != nil {
		t.Fatal(err)
	}
	w.Handle("k", func(context.Context, ha.Task) (any, error) { return 7, nil })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	c, err := client.New(r.nc, client.Config{Prefix: r.names.Prefix()})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		id := ha.TaskID("t" + string(rune('a'+n)))
		if got := c.SubmitOne(t.Context(), ha.TaskSpec{ID: id, Kind: "k"}); got != (client.Submitted{ID: id}) {
			t.Fatalf("submitted: %+v", got)
		}
		record, err := c.Wait(t.Context(), id)
		if err != nil || string(record.Result) != "7" {
			t.Fatalf("waited: %+v, %v", record, err)
		}
	}
	if results, err := c.Pull(t.Context(), client.PullOptions{}); err != nil || len(results) != 20 {
		t.Errorf("pulled %d, %v", len(results), err)
	}
	if many, err := c.SubmitMany(t.Context(), []ha.TaskSpec{{ID: "ta", Kind: "k"}, {Kind: "k"}, {}}); err != nil || !many[0].Duplicate || many[1].Err != nil || !errors.Is(many[2].Err, ha.ErrInvalid) {
		t.Errorf("submitted many: %+v, %v", many, err)
	}
	if _, err := c.Get(t.Context(), "nothing"); !errors.Is(err, ha.ErrNotFound) {
		t.Errorf("a refusal: %v", err)
	}
	stop()
	if err := receive(t, ended, "the worker to leave"); err != nil {
		t.Error(err)
	}
	if counts := w.Stats(); counts.Misses > 0 {
		t.Errorf("the worker counts %+v", counts)
	}
}

// TestARequestThatWasOnlyStoredHasNoAnswer: the error says what came in its place.
func TestARequestThatWasOnlyStoredHasNoAnswer(t *testing.T) {
	t.Parallel()
	r := newStoredRig(t)
	r.storeEverything("NOBODY-ELSE")
	c, err := client.New(r.nc, client.Config{Prefix: r.names.Prefix(), Timeout: 200 * time.Millisecond, Patience: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"})
	if !errors.Is(err, ha.ErrUnavailable) || !strings.Contains(err.Error(), "NOBODY-ELSE") || errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %s, %v", id, err)
	}
}
