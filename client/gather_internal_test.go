package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// desk answers submissions as a dispatcher does. What the kind of a task is decides
// about it: "full" is refused, "poison" makes a whole request unreadable.
type desk struct {
	mu    sync.Mutex
	rng   *rand.Rand
	chaos bool // answers are late and get lost, and the dispatcher fails now and then
	// hold, if set, is how long every answer takes.
	hold time.Duration

	taken    map[ha.TaskID]int
	requests []int // how many tasks each had
	inFlight int
	most     int // in flight at once
}

func newDesk(seed uint64) *desk {
	return &desk{rng: rand.New(rand.NewPCG(seed, 4)), taken: map[ha.TaskID]int{}}
}

func refusal(status int, code string) (*nats.Msg, error) {
	body, err := json.Marshal(subjects.ErrorBody{Error: subjects.ErrorDetail{Code: code, Message: "no"}})
	return &nats.Msg{Data: body, Header: nats.Header{subjects.HeaderErrorCode: {strconv.Itoa(status)}}}, err
}

func (d *desk) send(ctx context.Context, body []byte) (*nats.Msg, error) {
	var tasks []ha.TaskSpec
	alone := body[0] == '{'
	if alone {
		body = []byte("[" + string(body) + "]")
	}
	if err := json.Unmarshal(body, &tasks); err != nil {
		return refusal(400, "invalid_json")
	}
	d.mu.Lock()
	d.requests = append(d.requests, len(tasks))
	d.inFlight++
	d.most = max(d.most, d.inFlight)
	wait, fate := d.hold, 0
	if d.chaos {
		wait, fate = time.Duration(d.rng.IntN(5))*time.Millisecond, d.rng.IntN(20)
	}
	d.mu.Unlock()
	defer func() { d.mu.Lock(); d.inFlight--; d.mu.Unlock() }()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return silent(ctx)
	}
	switch fate {
	case 1: // the request is lost
		return silent(ctx)
	case 2:
		return refusal(503, "unavailable")
	case 3:
		return nil, nats.ErrNoResponders
	}
	reply := d.decide(tasks, alone)
	if fate == 4 { // the answer is lost
		return silent(ctx)
	}
	return reply()
}

func (d *desk) decide(tasks []ha.TaskSpec, alone bool) func() (*nats.Msg, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var entries []subjects.Submitted
	for _, t := range tasks {
		if t.Kind == "poison" {
			return func() (*nats.Msg, error) { return refusal(400, "poisoned") }
		}
	}
	for _, t := range tasks {
		if t.Kind == "full" {
			if alone {
				return func() (*nats.Msg, error) { return refusal(429, "backlog_full") }
			}
			entries = append(entries, subjects.Submitted{Error: &subjects.ErrorDetail{Status: 429, Code: "backlog_full", Message: "no"}})
			continue
		}
		d.taken[t.ID]++
		entries = append(entries, subjects.Submitted{ID: t.ID, Duplicate: d.taken[t.ID] > 1})
	}
	if alone {
		return func() (*nats.Msg, error) { return replyWith(entries[0]) }
	}
	return func() (*nats.Msg, error) { return replyWith(entries) }
}

// idle fails where the gatherer does not stand as if nothing had ever been.
func idle(t *testing.T, c *Client) {
	t.Helper()
	if c.gather.inFlight != 0 || len(c.gather.waiting) != 0 {
		t.Errorf("%d in flight and %d waiting when all is done", c.gather.inFlight, len(c.gather.waiting))
	}
}

// TestGathered: whatever happens to requests and callers, each call gets what came of
// its own task.
func TestGathered(t *testing.T) {
	for round := range 60 {
		seed := rand.Uint64()
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { submitInChaos(t, seed) })
		})
	}
}

func submitInChaos(t *testing.T, seed uint64) {
	d := newDesk(seed)
	d.chaos = true
	c := scripted(Config{Timeout: 20 * time.Millisecond, Patience: time.Minute}, d.send) // which no chance uses up
	callers := 1 + d.rng.IntN(8*gatherRequests)                                          // most of them have to wait
	var all sync.WaitGroup
	for n := range callers {
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		all.Go(func() {
			for k := range 10 {
				id := ha.TaskID(fmt.Sprintf("t%d-%d", n, k))
				kind := []string{"k", "k", "k", "k", "k", "k", "full", "poison"}[rng.IntN(8)]
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if rng.IntN(4) == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(40))*time.Millisecond)
				}
				got, err := c.Submit(ctx, ha.TaskSpec{ID: id, Kind: kind})
				ended := ctx.Err()
				cancel()
				d.mu.Lock()
				taken := d.taken[id]
				d.mu.Unlock()
				says := "seed " + strconv.FormatUint(seed, 10) + ": " + kind
				switch {
				case got != id:
					t.Errorf("%s: got the id %s for %s", says, got, id)
				case err == nil && (taken == 0 || kind != "k"):
					t.Errorf("%s: %s is said to be taken", says, id)
				case err == nil, ended != nil && errors.Is(err, ended):
				case kind == "full" && errors.Is(err, ha.ErrOverloaded), kind == "poison" && errors.Is(err, ha.ErrInvalid):
				default:
					t.Errorf("%s: %v", says, err)
				}
				if err != nil && !strings.Contains(err.Error(), string(id)) {
					t.Errorf("%s: %v does not name %s", says, err, id)
				}
			}
		})
	}
	all.Wait()
	idle(t, c)
}

// TestFewRequests: tasks that are submitted at the same time share requests, and a
// task that comes alone waits for nobody.
func TestFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(1)
		d.hold = 10 * time.Millisecond
		c := scripted(Config{}, d.send)
		start := time.Now()
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if _, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 2*d.hold || len(d.requests) != gatherRequests+1 || d.most > gatherRequests {
			t.Errorf("requests of %v, %d at once, in %s", d.requests, d.most, took)
		}
		start, d.requests = time.Now(), nil
		if _, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != d.hold || len(d.requests) != 1 {
			t.Errorf("alone: requests of %v in %s", d.requests, took)
		}
		idle(t, c)
	})
}

// TestARepeatedTaskIsADuplicate, whether it goes alone or with others, and each caller is
// told of its own.
func TestARepeatedTaskIsADuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(1)
		d.hold = 10 * time.Millisecond
		c := scripted(Config{}, d.send)
		submit := func(known func(n int) bool) {
			var all sync.WaitGroup
			for n := range 4 * gatherRequests {
				all.Go(func() {
					id := ha.TaskID("t" + strconv.Itoa(n))
					if got := c.SubmitOne(t.Context(), ha.TaskSpec{ID: id, Kind: "k"}); got != (Submitted{ID: id, Duplicate: known(n)}) {
						t.Errorf("got %+v", got)
					}
				})
			}
			all.Wait()
		}
		for n := range 4 * gatherRequests {
			if n%3 == 0 {
				d.taken[ha.TaskID("t"+strconv.Itoa(n))] = 1
			}
		}
		submit(func(n int) bool { return n%3 == 0 })
		submit(func(int) bool { return true })
		if got := c.SubmitOne(t.Context(), ha.TaskSpec{ID: "t1", Kind: "full"}); got.Duplicate || got.ID != "t1" || !errors.Is(got.Err, ha.ErrOverloaded) {
			t.Errorf("refused: %+v", got)
		}
		idle(t, c)
	})
}

// TestGatheredBounds: what goes together is bounded in number and in bytes.
func TestGatheredBounds(t *testing.T) {
	for _, payload := range []int{2, 100 << 10} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(1)
			d.hold = 10 * time.Millisecond
			c := scripted(Config{}, func(ctx context.Context, body []byte) (*nats.Msg, error) {
				if len(body) > gatherBytes {
					t.Errorf("a request of %d bytes", len(body))
				}
				return d.send(ctx, body)
			})
			var all sync.WaitGroup
			for range 2 * gatherTasks {
				all.Go(func() {
					spec := ha.TaskSpec{Kind: "k", Payload: json.RawMessage(`"` + strings.Repeat("x", payload-2) + `"`)}
					if _, err := c.Submit(t.Context(), spec); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for _, n := range d.requests {
				if n > gatherTasks || payload > 1000 && n > 2 {
					t.Errorf("a request of %d tasks", n)
				}
			}
			if len(d.taken) != 2*gatherTasks {
				t.Errorf("%d tasks taken", len(d.taken))
			}
			idle(t, c)
		})
	}
}

// TestLeaderGivesUp: the tasks of the others go again, at once; and one who gives up
// while its task is under way says how often it was tried.
func TestLeaderGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(1)
		d.hold = time.Second
		c := scripted(Config{}, d.send)
		var all sync.WaitGroup
		submit := func(limit time.Duration, want error, says string) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				if _, err := c.Submit(ctx, ha.TaskSpec{Kind: "k"}); !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), says) {
					t.Errorf("got %v, want %v, %s", err, want, says)
				}
			})
			synctest.Wait()
		}
		for range gatherRequests {
			submit(time.Minute, nil, "")
		}
		submit(1500*time.Millisecond, context.DeadlineExceeded, "no answer after 1 try in 1.5s") // it will lead
		submit(time.Minute, nil, "")
		submit(1200*time.Millisecond, context.DeadlineExceeded, "no answer after 1 try in 1.2s")
		submit(time.Minute, nil, "")
		submit(500*time.Millisecond, context.DeadlineExceeded, "context deadline exceeded") // it waits
		start := time.Now()
		all.Wait()
		if took := time.Since(start); took != 2500*time.Millisecond {
			t.Errorf("done in %s", took)
		}
		if last := d.requests[len(d.requests)-1]; last != 2 || len(d.requests) != gatherRequests+2 {
			t.Errorf("requests of %v", d.requests)
		}
		idle(t, c)
	})
}

// TestNobodyAnswersTheGathered: all that wait give up when their patience is over, and
// not much later.
func TestNobodyAnswersTheGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(Config{}, func(ctx context.Context, _ []byte) (*nats.Msg, error) { return silent(ctx) })
		var all sync.WaitGroup
		for i := range 3 * gatherRequests {
			all.Go(func() {
				_ = pause.Sleep(t.Context(), time.Duration(i)*DefaultPatience/(4*gatherRequests))
				start := time.Now()
				_, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"})
				if took := time.Since(start); !errors.Is(err, ha.ErrUnavailable) || took < DefaultPatience || took > DefaultPatience+2*DefaultTimeout {
					t.Errorf("%v after %s", err, took)
				}
			})
		}
		all.Wait()
		idle(t, c)
	})
}

// TestAgainGoesFirst: whose request was given up has waited longer than those that
// have not had one.
func TestAgainGoesFirst(t *testing.T) {
	a, b, left, late := &pendingTask{id: "a"}, &pendingTask{id: "b"}, &pendingTask{id: "left", gaveUp: true}, &pendingTask{id: "late"}
	a.instructions = make(chan instruction, 1)
	g := gatherer{inFlight: 1, waiting: []*pendingTask{late}}
	g.release([]*pendingTask{a, left, b})
	if group := (<-a.instructions).lead; !slices.Equal(group, []*pendingTask{a, b, late}) || g.inFlight != 1 || len(g.waiting) != 0 {
		t.Errorf("%d lead, %d in flight, %d waiting", len(group), g.inFlight, len(g.waiting))
	}
}

// TestLeaderGivesUpAtOnce: who was just told to lead, and gives up, is followed by the
// next.
func TestLeaderGivesUpAtOnce(t *testing.T) {
	gone, next := &pendingTask{id: "gone", instructions: make(chan instruction, 1)}, &pendingTask{id: "next", instructions: make(chan instruction, 1)}
	gone.instructions <- instruction{lead: []*pendingTask{gone, next}}
	g := gatherer{inFlight: 1}
	if _, _, known := g.giveUp(gone); known {
		t.Error("what came of it is said to be known")
	}
	select {
	case v := <-next.instructions:
		if !slices.Equal(v.lead, []*pendingTask{next}) || g.inFlight != 1 {
			t.Errorf("%d lead, %d in flight", len(v.lead), g.inFlight)
		}
	default:
		t.Error("nobody leads")
	}
}
