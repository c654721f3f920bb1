package dispatcher_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// stranger publishes on the journal's subject, as anybody may who has the permission.
type stranger struct {
	r       *rig
	subject string
	stream  jetstream.Stream
}

func newStranger(r *rig) *stranger {
	js, err := jetstream.New(r.nc)
	if err != nil {
		r.t.Fatal(err)
	}
	stream, err := js.Stream(r.t.Context(), "HA-"+r.names.Prefix())
	if err != nil {
		r.t.Fatal(err)
	}
	return &stranger{r: r, subject: "_HA." + r.names.Prefix() + ".journal", stream: stream}
}

// write publishes a message and waits until it is in the journal.
func (s *stranger) write(m *nats.Msg) {
	s.r.t.Helper()
	m.Subject = s.subject
	ack, err := s.r.nc.RequestMsg(m, patience)
	if err != nil || strings.Contains(string(ack.Data), `"error"`) {
		s.r.t.Fatalf("the journal does not take %q: %v", m.Data, err)
	}
}

// entry returns what is stored at a place of the journal, counted from its end.
func (s *stranger) entry(fromEnd uint64) []byte {
	s.r.t.Helper()
	info, err := s.stream.Info(s.r.t.Context())
	if err != nil {
		s.r.t.Fatal(err)
	}
	m, err := s.stream.GetMsg(s.r.t.Context(), info.State.LastSeq-fromEnd)
	if err != nil {
		s.r.t.Fatal(err)
	}
	return m.Data
}

// TestStrangersInTheJournal: a stray byte, an empty message, copies of entries and the like are
// passed over by leader and standby, and by those who start afterwards; nothing that was
// acknowledged is lost.
func TestStrangersInTheJournal(t *testing.T) {
	t.Parallel()
	r := newStoredRig(t)
	stream := func(name string) func(*dispatcher.Config) {
		return func(c *dispatcher.Config) { c.Name, c.Journal = name, dispatcher.JournalStream }
	}
	first := r.start(stream("d1"))
	s := newStranger(r)
	written := uint64(0)
	n := 0
	intrude := func() {
		r.t.Helper()
		for _, m := range []*nats.Msg{
			{Data: []byte("x")}, {}, {Data: s.entry(0)}, {Data: s.entry(1)}, {Data: []byte{0xfa, 1, 1, 0}},
			{Header: nats.Header{"Status": {"100"}}}, {Data: []byte(strings.Repeat("y", 100_000))},
		} {
			s.write(m)
			written++
			n++
			r.must(r.names.Task(subjects.TaskSubmit), fmt.Sprintf(`{"id":"t%d","kind":"k"}`, n), &subjects.Submitted{})
		}
	}
	intrude()
	eventually(t, "a leader that has met them", func() bool { return r.status().Leader.Void >= written-1 })

	// A standby reads them as history and as they come, and takes over.
	nc := connect(t, r.server)
	second, err := dispatcher.New(nc, r.config(stream("d2")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- second.Run(ctx) }()
	defer stop()
	eventually(t, "a standby", func() bool {
		for _, d := range r.status().Dispatchers {
			if d.Name == "d2" && d.Role == "standby" {
				return true
			}
		}
		return false
	})
	intrude()
	first.stop()
	if err := first.result(); err != nil {
		t.Fatal(err)
	}
	receive(t, second.Ready(), "the standby to lead")
	intrude()
	if got := r.status(); got.Tasks["pending"] != n || got.Leader.Name != "d2" || got.Leader.Void < written-1 {
		t.Errorf("%d tasks were submitted, %d entries written by strangers; the leader says %+v %+v", n, written, got.Tasks, got.Leader)
	}

	// So does one that begins with nothing but the journal.
	stop()
	if err := receive(t, ended, "d2 to end"); err != nil {
		t.Fatal(err)
	}
	r.start(stream("d3"))
	if got := r.status(); got.Tasks["pending"] != n || got.Leader.Name != "d3" {
		t.Errorf("after a restart %+v %+v", got.Tasks, got.Leader)
	}
}

// TestAFloodIsATrouble, which is over when it is.
func TestAFloodIsATrouble(t *testing.T) {
	t.Parallel()
	r := newStoredRig(t)
	r.start(func(c *dispatcher.Config) { c.Journal = dispatcher.JournalStream })
	s := newStranger(r)
	eventually(t, "a trouble", func() bool {
		for range 10 {
			s.write(&nats.Msg{Data: []byte("x")})
		}
		return strings.Contains(r.status().Leader.Trouble, "others write into the journal")
	})
	r.must(r.names.Task(subjects.TaskSubmit), `{"id":"t1","kind":"k"}`, &subjects.Submitted{})
}
