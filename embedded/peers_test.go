package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/internal/eventually"
)

// link carries connections to an address until it is cut. What is sent then arrives nowhere, and
// nobody is told.
type link struct {
	listener net.Listener
	to       string
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	cut   chan struct{} // closed while it is cut
	whole chan struct{} // closed while it is not
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	l := &link{to: to, cut: make(chan struct{}), whole: make(chan struct{})}
	close(l.whole)
	var err error
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.wg.Go(l.serve)
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.set(false) // so that nobody waits
		l.mu.Lock()
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
		l.mu.Unlock()
		l.wg.Wait()
	})
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

// set cuts the link, or heals it.
func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cut {
		l.whole = make(chan struct{})
		close(l.cut)
		return
	}
	select {
	case <-l.whole:
		return
	default:
	}
	l.cut = make(chan struct{})
	close(l.whole)
}

func (l *link) pass() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whole
}

func (l *link) hold(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
}

func (l *link) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.hold(near)
		l.wg.Go(func() {
			<-l.pass()
			far, err := net.Dial("tcp", l.to)
			if err != nil {
				_ = near.Close()
				return
			}
			l.hold(far)
			l.wg.Go(func() { l.copy(near, far) })
			l.copy(far, near)
		})
	}
}

// copy carries one direction. What came before a cut is carried after it, as by repeated packets.
func (l *link) copy(to, from net.Conn) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		<-l.pass()
		if _, werr := to.Write(buffer[:n]); err != nil || werr != nil {
			return
		}
	}
}

// linked starts a cluster of three whose servers reach each other over links: links[i][j] is
// the way from server i to server j, for connections that i makes.
func linked(t *testing.T) (servers []*Server, links [3][3]*link) {
	t.Helper()
	own := freeAddresses(t, 3)
	for i := range 3 {
		for j := range 3 {
			if i != j {
				links[i][j] = newLink(t, own[j])
			}
		}
	}
	var configs []Config
	for i := range 3 {
		c := Config{
			Name: fmt.Sprintf("n%d", i+1), Listen: "127.0.0.1:0", ClusterListen: own[i], StoreDir: t.TempDir(),
			ClusterAdvertise: "127.0.0.1:1", // nobody finds a way past the links
		}
		for j := range 3 {
			if i == j {
				c.Routes = append(c.Routes, own[i])
			} else {
				c.Routes = append(c.Routes, links[i][j].address())
			}
		}
		configs = append(configs, c)
	}
	return startAll(t, configs), links
}

// terms returns the term of each of the server's groups, by its name.
func terms(s *Server) map[string]uint64 {
	found := map[string]uint64{}
	for _, account := range []string{"", "$G"} { // that of the system, and that of the stream
		status := s.ns.Raftz(&server.RaftzOptions{AccountFilter: account})
		if status == nil {
			continue
		}
		for _, groups := range *status {
			for name, group := range groups {
				found[name] = group.Term
			}
		}
	}
	return found
}

// TestServerThatWasCutOffDisturbsNobody: a follower that sees none of the others does not stand for
// election, and finds the leaders where they were.
func TestServerThatWasCutOffDisturbsNobody(t *testing.T) {
	t.Parallel()
	servers, links := linked(t)
	js := jetStream(t, inProcess(t, servers[0]))
	eventually.Succeeds(t, electionTime, func(ctx context.Context) error { // until all three are known to be there
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}, Replicas: 3})
		return err
	})
	eventually.Succeeds(t, electionTime, func(ctx context.Context) error { return inSync(ctx, js, 3) })

	eventually.Succeeds(t, electionTime, func(context.Context) error {
		info, err := streamInfo(t.Context(), js)
		for _, s := range servers {
			if all := s.Name() == s.MetaLeader() && s.Name() == info.Cluster.Leader; err == nil && s.guard.leads() != all {
				err = fmt.Errorf("%s leads everything: %v", s.Name(), s.guard.leads())
			}
		}
		return err
	})

	// Two lead at most, so one of them follows in both groups.
	follower := slices.IndexFunc(servers, func(s *Server) bool {
		info, err := streamInfo(t.Context(), js)
		return err == nil && s.Name() != s.MetaLeader() && s.Name() != info.Cluster.Leader
	})
	if follower < 0 {
		t.Fatal("everybody leads")
	}
	cutOff, other := servers[follower], servers[(follower+1)%3]
	before := terms(other)
	if len(before) != 2 {
		t.Fatalf("the groups are %v", before)
	}
	all := func(cut bool) {
		for i := range 3 {
			if i != follower {
				links[follower][i].set(cut)
				links[i][follower].set(cut)
			}
		}
	}
	all(true)
	eventually.True(t, electionTime, func() bool {
		off := cutOff.StoreApart() != nil && !cutOff.ns.JetStreamEnabled()
		return off || terms(cutOff)["_meta_"] > before["_meta_"]
	}, "JetStream to be off, or to stand for election")
	if err := cutOff.StoreApart(); !errors.Is(err, ErrStoreApart) || errors.Join(cutOff.StoreGone(), cutOff.StoreStuck(), other.StoreApart()) != nil {
		t.Errorf("cut off: %v, %v, %v; another: %v", err, cutOff.StoreGone(), cutOff.StoreStuck(), other.StoreApart())
	}
	there := jetStream(t, inProcess(t, other))
	for range 20 {
		if err := publish(t, there); err != nil {
			t.Errorf("without the one that is cut off: %v", err)
		}
	}
	all(false)
	eventually.True(t, electionTime, func() bool { return cutOff.StoreApart() == nil }, "the others to be seen again")
	eventually.Succeeds(t, electionTime, func(ctx context.Context) error { return inSync(ctx, there, 3) })
	if err := cutOff.StoreStuck(); err != nil {
		t.Errorf("back: %v", err)
	}
	eventually.True(t, electionTime, func() bool { return len(terms(cutOff)) == 2 }, "the groups to be there again")
	for name, term := range before {
		if now := terms(other)[name]; now != term || terms(cutOff)[name] != term {
			t.Errorf("%s was in term %d, and is in %d, for the one that was cut off in %d", name, term, now, terms(cutOff)[name])
		}
	}
	if err := publish(t, jetStream(t, inProcess(t, cutOff))); err != nil {
		t.Errorf("from the one that was cut off: %v", err)
	}
}
