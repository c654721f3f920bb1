package dispatcher

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/embedded"
)

// within bounds whatever a test waits for.
const within = 20 * time.Second

// leakFree fails the test if goroutines are left when everything registered
// after this call has been cleaned up.
func leakFree(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// connectTo returns a connection to a server of the test's own.
func connectTo(tb testing.TB, cfg embedded.Config) *nats.Conn {
	tb.Helper()
	server, err := embedded.Start(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// streamOn returns a journal in JetStream.
func streamOn(tb testing.TB, nc *nats.Conn, prefix string) *journal.JetStream {
	tb.Helper()
	log, err := journal.OpenJetStream(tb.Context(), nc, journal.JetStreamConfig{Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	return log
}

// errRead ends a replay at the entry asked for.
var errRead = errors.New("read")

// replayTo builds a state from the log, up to the entry at seq.
func replayTo(tb testing.TB, log journal.Log, cfg core.Config, seq uint64) *core.Core {
	tb.Helper()
	for tries := 1; ; tries++ {
		c := core.New(cfg)
		err := log.Follow(tb.Context(), 1, func(e journal.Entry) error {
			if err := term.ApplyEntry(c, e.Data); err != nil {
				return err
			}
			if e.Seq >= seq {
				return errRead
			}
			return nil
		})
		switch {
		case errors.Is(err, errRead):
			return c
		case errors.Is(err, journal.ErrGap) && tries < 100:
			// The leader's cleaning purged what was still to be read, which happens while one
			// looks. The journal begins later now: read it again, as a standby does.
		default:
			tb.Fatalf("replay to %d: %v", seq, err)
		}
	}
}

// sameDigest fails if two states are not equal, byte for byte.
func sameDigest(tb testing.TB, what string, got, want *core.Core) {
	tb.Helper()
	if !bytes.Equal(got.Digest(nil), want.Digest(nil)) {
		tb.Fatalf("%s: the states differ: %+v and %+v", what, got.Counts(), want.Counts())
	}
}
