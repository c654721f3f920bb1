package embedded

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrStoreApart says that JetStream is off because this server sees fewer than half of its cluster.
var ErrStoreApart = errors.New("cut off from the other NATS servers of the cluster")

const (
	// peersEvery is the time between two looks at the other servers of a cluster.
	peersEvery = 200 * time.Millisecond
	// apartAfter is how long too few of them are seen before JetStream is turned off. With the time
	// until a silent route is dropped, it is about the 3 s after which, at the earliest, a follower
	// stands for election that nothing reaches any more: 4 s after the last heartbeat, of which there is
	// one a second.
	apartAfter = 300 * time.Millisecond
)

// peers is what a guard knows of the other servers of the cluster. It belongs to the guard's
// goroutine.
type peers struct {
	size    int       // of the cluster, as far as it is known
	met     bool      // more than half of it were seen, once
	missing time.Time // since when fewer are; zero: they are not
	off     bool      // JetStream was turned off for it
}

// StoreApart returns an error that matches [ErrStoreApart] while JetStream is off because this server is
// cut off from the others. It is turned on again once more than half of the cluster is seen.
func (s *Server) StoreApart() error { return s.guard.trouble(func(g *guard) error { return g.apart }) }

// Peers returns how many servers of its cluster a server sees, itself included, and how many the cluster has, as far as it
// is known: the routes that it was told, at first. Outside of a cluster both are 1.
func (s *Server) Peers() (seen, size int) {
	if s.store.mode != cluster || s.guard == nil {
		return 1, 1
	}
	size = len(s.guard.options().Routes)
	if js, err := s.ns.Jsz(nil); err == nil && js.Meta != nil {
		size = max(size, js.Meta.Size)
	}
	return s.ns.NumRemotes() + 1, size
}

// watchPeers turns JetStream off while this server sees no more than half of its cluster, itself
// counted, and reports whether it is off for that.
//
// Otherwise its followers would stand for election again and again, in vain, each time in a higher
// term: nats-server asks nobody before it raises the term. Once they are back, that term makes the
// leaders of the others step down, who were well all the time, and electing new ones takes 4 to 9 s. A
// follower that is off raises nothing. When it is on again it finds the leader there.
func (g *guard) watchPeers() (off bool) {
	if g.s.store.mode != cluster {
		return false
	}
	p := &g.peers
	if js, err := g.s.ns.Jsz(nil); err == nil && js.Meta != nil && js.Meta.Size > 0 {
		p.size = js.Meta.Size
	}
	seen := g.s.ns.NumRemotes() + 1
	if seen > p.size/2 {
		p.met, p.missing = true, time.Time{}
		g.rejoin(seen)
		return false
	}
	switch {
	case p.off, !p.met: // nor does it stand for election before it has seen another since its start
	case p.missing.IsZero():
		p.missing = time.Now()
	case time.Since(p.missing) >= apartAfter && !g.leads():
		g.leave(seen)
	}
	return p.off
}

// leave turns JetStream off.
func (g *guard) leave(seen int) {
	err := fmt.Errorf("%w: it sees %d of %d, itself included, and takes part again when it sees more than half; check the network between them",
		ErrStoreApart, seen, g.peers.size)
	g.peers.off, g.offline = true, true
	g.setApart(err)
	g.s.log.Warn().Err(err).Msg("JetStream is turned off")
	_ = g.s.ns.ShutdownJetStream() // returns nil in any case
}

// rejoin undoes leave.
func (g *guard) rejoin(seen int) {
	if !g.peers.off {
		return
	}
	g.peers.off = false
	g.s.log.Info().Int("seen", seen).Int("cluster", g.peers.size).Msg("the other NATS servers of the cluster are there again")
	g.restart(nil, nil)
	g.setApart(nil)
}

func (g *guard) setApart(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.apart = err
}

// leads reports whether this server leads all groups that it is in. A leader does not stand for
// election. It steps down after 10 to 20 s without the others, and goes on unharmed if they are
// there again before they have chosen another.
func (g *guard) leads() bool {
	js, err := g.s.ns.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Limit: 1 << 20})
	if err != nil || js.Meta == nil || js.Meta.Leader != g.s.Name() {
		return false
	}
	for _, account := range js.AccountDetails {
		for i := range account.Streams {
			if c := account.Streams[i].Cluster; c != nil && c.Leader != g.s.Name() {
				return false
			}
		}
	}
	return true
}
