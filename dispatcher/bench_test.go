package dispatcher_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

// benchWorkers is how many workers are activated, and how many requesters the
// plain request/reply beside them has.
const benchWorkers = 10

// BenchmarkActivations measures how many activations a second one dispatcher
// gives when a worker is always about to be idle: interval 0, ten workers of one
// slot on connections of their own, direct delivery. An operation is one
// activation with all that belongs to it: the order, the worker's available, its
// answer, and two events.
//
// Beside it, in turns of a few thousand so that what else the machine does falls on
// all alike, as many plain NATS request/replies of the same sizes run over the same
// server: ten goroutines on connections of their own that call Conn.Request
// ("requests/s"), and ten that only publish the next request in the callback of the
// last answer, as light as the workers are ("bare/s"). "ratio" is activations to
// the former, "bare-ratio" to the latter.
//
// Server, dispatcher and workers share this process and its cores in all three.
func BenchmarkActivations(b *testing.B) {
	for name, listen := range map[string]string{"tcp": "127.0.0.1:0", "inprocess": ""} {
		b.Run(name, func(b *testing.B) {
			s, err := embedded.Start(context.Background(), embedded.Config{NoJetStream: true, Listen: listen})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(s.Shutdown)
			dial := func() *nats.Conn { return dialBench(b, s) }
			respond(b, dial())
			fleet, plain, bare := newFleet(b, dial), newRequesters(b, dial), newBareRequesters(b, dial)
			b.ResetTimer()
			b.StopTimer()
			var took, plainTook, bareTook time.Duration
			for left := b.N; left > 0; left -= benchTurn {
				n := min(left, benchTurn)
				b.StartTimer()
				took += fleet.turn(n)
				b.StopTimer()
				plainTook += plain(n)
				bareTook += bare(n)
			}
			perSecond := func(d time.Duration) float64 { return float64(b.N) / d.Seconds() }
			b.ReportMetric(perSecond(took), "activations/s")
			b.ReportMetric(perSecond(plainTook), "requests/s")
			b.ReportMetric(perSecond(bareTook), "bare/s")
			b.ReportMetric(plainTook.Seconds()/took.Seconds(), "ratio")
			b.ReportMetric(bareTook.Seconds()/took.Seconds(), "bare-ratio")
		})
	}
}

// benchTurn is how many operations of one sort follow each other.
const benchTurn = 4_000

func dialBench(b *testing.B, s *embedded.Server) *nats.Conn {
	b.Helper()
	var nc *nats.Conn
	var err error
	if s.URL() == "" {
		nc, err = s.Connect()
	} else {
		nc, err = nats.Connect(s.URL())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

// fleet is a dispatcher and its workers, which take activations in turns only and
// hold what they were given between them.
type fleet struct {
	b     *testing.B
	names subjects.Names
	turns *cursor
}

func newFleet(b *testing.B, dial func() *nats.Conn) *fleet {
	b.Helper()
	cfg := dispatcher.Config{Name: "bench"}
	cfg.ActivateEvery, cfg.Direct = dispatcher.ActivateWhenIdle, true
	d, err := dispatcher.New(dial(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	names, err := subjects.NewNames(cfg.Prefix)
	if err != nil {
		b.Fatal(err)
	}
	f := &fleet{b: b, names: names, turns: newTurns()}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	b.Cleanup(func() {
		f.turns.over()
		cancel()
		if err := receive(b, done, "the dispatcher to stop"); err != nil {
			b.Error(err)
		}
	})
	receive(b, d.Ready(), "the dispatcher to answer")
	for range benchWorkers {
		f.employ(dial())
	}
	return f
}

// turn has the workers take n activations together and returns how long it took.
func (f *fleet) turn(n int) time.Duration { return f.turns.take(n) }

// employ registers a worker that does nothing but take the activation's name from
// an order and say that it is done.
func (f *fleet) employ(nc *nats.Conn) {
	f.b.Helper()
	msg, err := nc.Request(f.names.Hello(), []byte(`{"weight":1,"direct":true}`), patience)
	if err != nil {
		f.b.Fatal(err)
	}
	var reply subjects.HelloReply
	if err := subjects.DecodeReply(msg.Header.Get(subjects.HeaderErrorCode), msg.Data, &reply); err != nil {
		f.b.Fatal(err)
	}
	inbox, available := nc.NewInbox(), f.names.Available(reply.ID)
	listen(f.b, nc, inbox, func(msg *nats.Msg) {
		if len(msg.Header) > 0 {
			f.b.Errorf("available was refused: %v %s", msg.Header, msg.Data)
		}
	})
	var body []byte
	listen(f.b, nc, reply.Activate, func(msg *nats.Msg) {
		id := activationIn(msg.Data)
		if !f.turns.next() {
			return
		}
		body = append(append(append(body[:0], `{"finished":[{"activation":"`...), id...), `","outcome":"done"}]}`...)
		if err := nc.PublishRequest(available, inbox, body); err != nil {
			f.b.Error(err)
		}
	})
	// It is given nothing until it says that it listens.
	if _, err := nc.Request(f.names.Heartbeat(reply.ID), []byte(`{"running":[]}`), patience); err != nil {
		f.b.Fatal(err)
	}
}

func listen(b *testing.B, nc *nats.Conn, subject string, do nats.MsgHandler) {
	b.Helper()
	if _, err := nc.Subscribe(subject, do); err != nil {
		b.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		b.Fatal(err)
	}
}

// activationIn finds the name of the one activation in an order.
func activationIn(order []byte) []byte {
	_, rest, _ := bytes.Cut(order, []byte(`"activation":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return id
}
