package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
)

// patience bounds whatever a test waits for, an election included.
const patience = 20 * time.Second

// within returns a context that ends with the test, or when patience is over.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// noLeaks fails t if goroutines are left when everything registered after this
// call has been cleaned up.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// startServer starts a server that ends with the test.
func startServer(t testing.TB, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// ports returns addresses on which nobody listens at the moment. They lie below
// the ports that the system gives to connections, which would otherwise take
// one before it is listened on.
func ports(t testing.TB, n int) (addresses []string) {
	t.Helper()
	var held []net.Listener // until all are chosen
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for tries := 0; len(addresses) < n; tries++ {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 15_000+rand.IntN(15_000)))
		if err != nil {
			if tries > 1000 {
				t.Fatal(err)
			}
			continue
		}
		held = append(held, l)
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// startCluster starts a cluster of three.
func startCluster(t testing.TB) (servers []*embedded.Server) {
	t.Helper()
	routes := ports(t, 3)
	for i, r := range routes {
		servers = append(servers, startServer(t, embedded.Config{
			Name: fmt.Sprintf("n%d", i+1), Listen: "127.0.0.1:0", ClusterListen: r, Routes: routes, StoreDir: t.TempDir(),
		}))
	}
	for _, s := range servers {
		if err := s.JetStreamReady(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	return servers
}

// dial connects as the dispatcher does.
func dial(t testing.TB, urls ...string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(50*time.Millisecond), nats.ReconnectJitter(0, 0), nats.RetryOnFailedConnect(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

var prefixes atomic.Int64

// newPrefix returns one that no other test uses.
func newPrefix() string { return fmt.Sprintf("t%d.x", prefixes.Add(1)) }

// openOn opens a journal once JetStream lets it.
func openOn(t testing.TB, nc *nats.Conn, prefix string) *JetStream {
	t.Helper()
	var j *JetStream
	eventually.Succeeds(t, patience, func(ctx context.Context) (err error) {
		j, err = OpenJetStream(ctx, nc, JetStreamConfig{Prefix: prefix})
		return err
	})
	return j
}

// batch is an entry that tells its writer and number.
func batch(node string, number uint64, data string) Entry {
	return Entry{Type: EntryRecords, Epoch: 7, Number: number, Node: node, Nonce: 99, Data: []byte(data)}
}

// fill appends the entries from number 1 to n.
func fill(t testing.TB, l Log, n uint64) {
	t.Helper()
	_, last, err := l.Bounds(within(t))
	if err != nil {
		t.Fatal(err)
	}
	for seq := last + 1; seq <= n; seq++ {
		if got, err := l.Append(within(t), seq-1, batch("filler", seq, fmt.Sprint("entry ", seq))); err != nil || got != seq {
			t.Fatalf("append %d: got %d, %v", seq, got, err)
		}
	}
}
