package roam

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// cluster is a connection to servers that the test describes: the id of the server behind each address.
type cluster struct {
	pool    []string // the present one first
	ids     map[string]string
	forgets bool // the present server tells only of itself, as one does that is cut off
	moves   int
	closed  bool
}

func (c *cluster) IsConnected() bool         { return !c.closed }
func (c *cluster) IsClosed() bool            { return c.closed }
func (c *cluster) ConnectedUrl() string      { return c.pool[0] }        //nolint:revive,staticcheck // as nats.go calls it
func (c *cluster) ConnectedServerId() string { return c.ids[c.pool[0]] } //nolint:revive,staticcheck // as nats.go calls it

func (c *cluster) Servers() []string {
	if c.forgets {
		return c.pool[:1]
	}
	return slices.Clone(c.pool)
}

func (c *cluster) SetServerPool(servers []string) error {
	here := slices.Index(servers, c.pool[0])
	if here < 0 {
		return errors.New("the present server is not in it")
	}
	c.pool, c.forgets = append(slices.Clone(servers[here:]), servers[:here]...), false
	return nil
}

func (c *cluster) ForceReconnect() error {
	c.moves++
	if !c.forgets {
		c.pool = append(c.pool[1:], c.pool[0])
	}
	return nil
}

// wait lets time pass in a bubble.
func wait(d time.Duration) { <-time.After(d) }

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
	if r.Unanswered() || c.moves > 0 {
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
		t.Errorf("at %s after %d moves", c.ConnectedUrl(), c.moves)
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
	c.forgets = true
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
				moves := c.moves
				wait(tc.wait)
				if moved := c.moves > moves; moved != (tc.wait > 0) || moved && c.ConnectedServerId() != tc.to {
					t.Errorf("after %s: %d moves, at %s", tc.wait, c.moves-moves, c.ConnectedServerId())
				}
				moves = c.moves
				for range 3600 {
					wait(time.Second)
					r.Answered()
				}
				if c.moves != moves {
					t.Errorf("%d moves more", c.moves-moves)
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
		moves := c.moves
		if !r.leave(u) {
			t.Error("somebody is left")
		}
		wait(time.Hour)
		if c.moves != moves {
			t.Error("it moved")
		}
	})
}
