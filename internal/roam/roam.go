// Package roam moves a NATS connection to another server of its cluster when the one that it is
// connected to is cut off from the dispatcher that leads. Such a server keeps its connections for as long as they
// live, and nothing else tells the client. It also spreads connections again, slowly, that a failure has
// brought together on one server.
package roam

import (
	"context"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/pause"
)

const (
	// settle is the least time between two moves: what is asked on the new server needs a moment.
	settle = time.Second
	// restLeast and restMost bound the pause after all servers were tried in vain. It doubles each time, so that a group
	// that nobody leads is not shaken by all who look for it.
	restLeast = 30 * time.Second
	restMost  = 10 * time.Minute
	// spreadLeast and spreadMost bound when a connection that came to another server may go on to a third.
	spreadLeast = time.Minute
	spreadMost  = 10 * time.Minute
	// spreadAgain is the time until a connection that was in use is looked at again, and spreadTries how often.
	spreadAgain = 5 * time.Second
	spreadTries = 120
	// dialTimeout bounds the look whether a server can be reached at all.
	dialTimeout = time.Second
	// maxKnown bounds how many addresses are remembered.
	maxKnown = 64
)

// Conn is what of a [*nats.Conn] is used.
type Conn interface {
	IsConnected() bool
	IsClosed() bool
	ConnectedUrl() string
	ConnectedServerId() string
	Servers() []string
	SetServerPool(servers []string) error
	ForceReconnect() error
}

// User is somebody who asks over a connection.
type User struct {
	// Idle reports whether the user would not notice if the connection were gone for a moment. It is called on a
	// goroutine of its own. Nil: it would not.
	Idle func() bool
}

// Roamer moves one connection. A nil Roamer never does. Its methods may be used concurrently.
type Roamer struct {
	conn Conn
	// These are the clock, chance and the network, which tests replace.
	after  func(time.Duration, func()) (stop func() bool)
	chance func() float64
	dial   func(address string) bool

	// quiet is until when answers tell nothing new, in nanoseconds since 1970.
	quiet atomic.Int64

	mu    sync.Mutex
	users map[*User]struct{}
	known []string        // the addresses of servers, also of those that the present one does not see
	tried map[string]bool // ids of the servers that were asked in vain, since the last answer
	moves int             // since then, or since the last rest
	rests int
	until time.Time // before which it does not move
	at    string    // the id of the server that answered last
	own   bool      // the next change of server is one to spread
	stop  func() bool
}

var (
	mu      sync.Mutex
	roamers = map[*nats.Conn]*Roamer{}
)

// Join returns the Roamer of a connection, which all who use it share, and a function that ends the
// use. The Roamer is nil if there is nowhere to go: the server is in this process.
func Join(nc *nats.Conn, u *User) (r *Roamer, leave func()) {
	if nc == nil || nc.Opts.InProcessServer != nil {
		return nil, func() {}
	}
	mu.Lock()
	defer mu.Unlock()
	if r = roamers[nc]; r == nil {
		r = newRoamer(nc)
		roamers[nc] = r
	}
	r.join(u)
	return r, func() {
		mu.Lock()
		defer mu.Unlock()
		if r.leave(u) {
			delete(roamers, nc)
		}
	}
}

func newRoamer(conn Conn) *Roamer {
	return &Roamer{
		conn: conn, users: map[*User]struct{}{}, tried: map[string]bool{}, chance: rand.Float64, dial: reachable,
		after: func(d time.Duration, do func()) func() bool { return time.AfterFunc(d, do).Stop },
	}
}

func (r *Roamer) join(u *User) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users[u] = struct{}{}
	r.learn()
}

// leave reports whether nobody is left.
func (r *Roamer) leave(u *User) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.users, u)
	if len(r.users) > 0 {
		return false
	}
	if r.stop != nil {
		r.stop()
	}
	return true
}

// learn adds the servers that the connection knows of now. A server that is cut off tells its clients that the others
// are gone, and the client forgets those that it was not given at the beginning. It is called with mu held.
func (r *Roamer) learn() {
	for _, address := range r.conn.Servers() {
		if len(r.known) < maxKnown && !slices.Contains(r.known, address) {
			r.known = append(r.known, address)
		}
	}
}

// Answered takes note that somebody was answered.
func (r *Roamer) Answered() {
	if r == nil {
		return
	}
	now := time.Now().UnixNano()
	if now < r.quiet.Load() {
		return // as nearly always
	}
	id := r.conn.ConnectedServerId()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quiet.Store(now + int64(settle))
	clear(r.tried)
	r.moves, r.rests, r.until = 0, 0, time.Time{}
	r.learn()
	if id == "" || id == r.at {
		return
	}
	came := r.at != "" && !r.own
	r.at, r.own = id, false
	if came && r.stop == nil {
		wait := spreadLeast + time.Duration(r.chance()*float64(spreadMost-spreadLeast))
		r.stop = r.after(wait, func() { r.spread(spreadTries) })
	}
}

// Unanswered takes note that somebody has asked more than once, and was not answered. It moves the connection to
// another server, unless there is none, or it did so just now, or all were tried, and reports whether it did.
func (r *Roamer) Unanswered() (moved bool) {
	if r == nil || !r.conn.IsConnected() {
		return false
	}
	id, now := r.conn.ConnectedServerId(), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learn()
	if len(r.known) < 2 || now.Before(r.until) {
		return false
	}
	// One server may have several addresses, so that it is known by its id. With as many moves as there are
	// addresses each was reached.
	if r.moves >= len(r.known)-1 {
		pause := min(restLeast<<min(r.rests, 10), restMost)
		r.rests++
		r.moves, r.until = 0, now.Add(pause/2+time.Duration(r.chance()*float64(pause/2)))
		clear(r.tried)
		return false
	}
	r.tried[id] = true
	r.moves++
	r.until = now.Add(settle)
	r.quiet.Store(0)
	return r.move()
}

// Again moves on if the connection came to a server that was asked in vain already, as one that has two
// addresses. It is called once the connection is back.
func (r *Roamer) Again() (moved bool) {
	if r == nil || !r.conn.IsConnected() {
		return false
	}
	id := r.conn.ConnectedServerId()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.tried[id] || r.moves == 0 || r.moves >= len(r.known)-1 {
		return false
	}
	r.moves++
	return r.move()
}

// move is called with mu held.
func (r *Roamer) move() bool {
	if servers := r.conn.Servers(); len(servers) < len(r.known) {
		if err := r.conn.SetServerPool(r.known); err != nil && len(servers) < 2 {
			return false
		}
	}
	return r.conn.ForceReconnect() == nil
}

// spread takes the connection to a server chosen by chance, which may be the one that it is at, when nobody would
// notice. Of n servers each is as likely.
func (r *Roamer) spread(tries int) {
	here, servers := r.conn.ConnectedUrl(), r.conn.Servers()
	target := servers[min(int(r.chance()*float64(len(servers))), len(servers)-1)]
	reached := target != here && slices.Contains(servers, here) && r.dial(target)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop = nil
	if len(r.users) == 0 || r.conn.IsClosed() || !reached {
		return
	}
	if !r.idle() || !r.conn.IsConnected() || r.moves > 0 {
		if tries > 1 {
			r.stop = r.after(spreadAgain, func() { r.spread(tries - 1) })
		}
		return
	}
	rest := slices.DeleteFunc(servers, func(s string) bool { return s == here || s == target })
	if r.conn.SetServerPool(append([]string{here, target}, rest...)) == nil {
		r.own = true
		r.quiet.Store(0)
		_ = r.conn.ForceReconnect() // fails only if the connection is closed
	}
}

func (r *Roamer) idle() bool {
	for u := range r.users {
		if u.Idle != nil && !u.Idle() {
			return false
		}
	}
	return true
}

// Tour takes a connection from server to server until try returns true, each of them once, and reports
// whether one did. It is for somebody who asks once, and wants to know whether anybody is there. The connection
// has been asked in vain where it is.
func Tour(ctx context.Context, nc *nats.Conn, try func() bool) bool {
	if nc.Opts.InProcessServer != nil || !nc.IsConnected() {
		return false
	}
	tried := map[string]bool{nc.ConnectedServerId(): true}
	known := nc.Servers()
	for range len(known) - 1 {
		if nc.SetServerPool(known) != nil || nc.ForceReconnect() != nil || !connected(ctx, nc) {
			return false
		}
		if id := nc.ConnectedServerId(); !tried[id] {
			tried[id] = true
			if try() {
				return true
			}
		}
		at := slices.Index(known, nc.ConnectedUrl())
		known = append(slices.Clone(known[at+1:]), known[:at+1]...)
	}
	return false
}

// connected waits until nc is, or ctx ends.
func connected(ctx context.Context, nc *nats.Conn) bool {
	for !nc.IsConnected() {
		if nc.IsClosed() || pause.Sleep(ctx, 10*time.Millisecond) != nil {
			return false
		}
	}
	return true
}

// reachable reports whether a server's address can be connected to.
func reachable(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	c, err := dialer.DialContext(context.Background(), "tcp", u.Host)
	if err != nil {
		return false
	}
	_ = c.Close() // nothing was written to it
	return true
}
