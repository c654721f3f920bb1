package roam

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cluster is a connection to servers that the test describes: the id of the server behind each address.
type cluster struct {
	ids map[string]string

	mu      sync.Mutex // a planned move comes in a goroutine of its own
	pool    []string   // the present one first
	forgets bool       // the present server tells only of itself, as one does that is cut off
	moves   int
	closed  bool
}

func (c *cluster) IsConnected() bool         { return !c.IsClosed() }
func (c *cluster) ConnectedServerId() string { return c.ids[c.ConnectedUrl()] } //nolint:revive,staticcheck // as nats.go calls it

func (c *cluster) IsClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *cluster) ConnectedUrl() string { //nolint:revive,staticcheck // as nats.go calls it
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pool[0]
}

func (c *cluster) Servers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgets {
		return c.pool[:1]
	}
	return slices.Clone(c.pool)
}

func (c *cluster) SetServerPool(servers []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	here := slices.Index(servers, c.pool[0])
	if here < 0 {
		return errors.New("the present server is not in it")
	}
	c.pool, c.forgets = append(slices.Clone(servers[here:]), servers[:here]...), false
	return nil
}

func (c *cluster) ForceReconnect() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moves++
	if !c.forgets {
		c.pool = append(c.pool[1:], c.pool[0])
	}
	return nil
}

// moved returns how often it came to another server.
func (c *cluster) moved() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moves
}

// forget has the present server tell only of itself.
func (c *cluster) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgets = true
}

// wait lets time pass in a bubble, and what is due then be done.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func of(ids ...string) *cluster {
	c := &cluster{ids: map[string]string{}}
	for _, id := range ids {
		address := "nats://" + id
		for c.ids[address] != "" {
			address += "-again"
		}
		c.pool = append(c.pool, address)
		c.ids[address] = id[:1]
	}
	return c
}

func roaming(c *cluster, chance float64) (*Roamer, *User) {
	r, u := newRoamer(c), &User{}
	r.chance, r.dial = func() float64 { return chance }, func(string) bool { return true }
	r.join(u)
	return r, u
}

func TestOneServerIsNotLeft(t *testing.T) {
	c := of("a")
	r, _ := roaming(c, 0)
	if r.Unanswered() || c.moved() > 0 {
		t.Error("moved")
	}
	var none *Roamer
	none.Answered()
	if none.Unanswered() || none.Again() {
		t.Error("nobody moved")
	}
}

// TestAllAreTriedOnceAndThenItRests: a group that nobody leads is not shaken by those who look for it.
func TestAllAreTriedOnceAndThenItRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := of("a", "b", "c")
		r, _ := roaming(c, 0.5)
		var at []string
		for range 600 {
			if r.Unanswered() {
				at = append(at, c.ConnectedServerId())
			}
			wait(time.Second)
		}
		if len(at) < 6 || !slices.Equal(at[:2], []string{"b", "c"}) {
			t.Errorf("it came to %v", at)
		}
		if len(at) > 14 { // the rests are 22.5 s, 45 s, 90 s, …
			t.Errorf("%d moves in ten minutes", len(at))
		}
		r.Answered()
		if !r.Unanswered() {
			t.Error("after an answer it does not look for another server at once")
		}
	})
}

// TestAnotherNameOfTheSameHost is no other server.
func TestAnotherNameOfTheSameHost(t *testing.T) {
	c := of("a", "a", "b")
	r, _ := roaming(c, 0)
	if !r.Unanswered() || c.ConnectedServerId() != "a" || !r.Again() || c.ConnectedServerId() != "b" {
		t.Errorf("at %s after %d moves", c.ConnectedUrl(), c.moved())
	}
	if r.Again() {
		t.Error("it moves on from where it was not asked yet")
	}
}

// TestServersThatTheCutOffOneDoesNotSee are remembered.
func TestServersThatTheCutOffOneDoesNotSee(t *testing.T) {
	c := of("a", "b")
	r, _ := roaming(c, 0)
	r.Answered()
	c.forget()
	if !r.Unanswered() || c.ConnectedServerId() != "b" {
		t.Errorf("at %s", c.ConnectedServerId())
	}
}

// TestSpread: a connection that came to another server goes on some minutes later to any of them, once, when it is idle.
func TestSpread(t *testing.T) {
	for name, tc := range map[string]struct {
		chance float64
		busy   time.Duration
		wait   time.Duration // until it is to have moved; 0: never
		to     string
		far    bool // what is chosen cannot be reached
	}{
		"stays":       {chance: 0},
		"on":          {chance: 0.5, wait: 331 * time.Second, to: "c"},
		"back":        {chance: 0.99, wait: 601 * time.Second, to: "a"},
		"busy":        {chance: 0.5, busy: 400 * time.Second, wait: 406 * time.Second, to: "c"},
		"always busy": {chance: 0.5, busy: 24 * time.Hour},
		"far":         {chance: 0.5, far: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := of("a", "b", "c")
				r, u := roaming(c, tc.chance)
				began := time.Now()
				u.Idle = func() bool { return time.Since(began) >= tc.busy }
				r.dial = func(string) bool { return !tc.far }
				r.Answered()
				r.Unanswered()
				r.Answered()
				moves := c.moved()
				wait(tc.wait)
				if moved := c.moved() > moves; moved != (tc.wait > 0) || moved && c.ConnectedServerId() != tc.to {
					t.Errorf("after %s: %d moves, at %s", tc.wait, c.moved()-moves, c.ConnectedServerId())
				}
				moves = c.moved()
				for range 3600 {
					wait(time.Second)
					r.Answered()
				}
				if c.moved() != moves {
					t.Errorf("%d moves more", c.moved()-moves)
				}
			})
		})
	}
}

// TestNothingMovesOnceNobodyUsesIt: a move that was planned is not made for nobody.
func TestNothingMovesOnceNobodyUsesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := of("a", "b", "c")
		r, u := roaming(c, 0.5)
		r.Answered()
		r.Unanswered()
		r.Answered()
		moves := c.moved()
		if !r.leave(u) {
			t.Error("somebody is left")
		}
		wait(time.Hour)
		if c.moved() != moves {
			t.Error("it moved")
		}
	})
}
