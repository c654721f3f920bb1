package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// begun returns a context of a task whose attempt takes limit; 0: of a plain activation.
func begun(base context.Context, limit time.Duration) *runContext {
	r := newRun(ha.Activation{ID: "a", Worker: "w"}, nil)
	if limit > 0 {
		r.ctx.task = &subjects.WorkTask{Kind: "k", TimeoutMS: ha.Milliseconds(limit)}
	}
	r.ctx.begin(base, time.Now(), nil)
	return &r.ctx
}

// What a handler can see of its context is what it would see of one of the
// standard library, whenever it looks, and whatever it looked at before.
func TestContextEqualsTheStandardOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limit := time.Duration(rapid.SampledFrom([]int{0, 5}).Draw(rt, "limit")) * time.Second
		step := rapid.SampledFrom([]string{"err", "done", "cause", "derive", "value", "wait", "long", "stop", "again", "end"})
		steps := rapid.SliceOfN(step, 1, 8).Draw(rt, "steps")
		problem := ""
		synctest.Test(t, func(*testing.T) { problem = compareContexts(limit, steps) })
		if problem != "" {
			rt.Fatal(problem) // outside of the bubble, so that rapid catches it
		}
	})
}

// compareContexts takes both through the steps, and returns where they differ.
func compareContexts(limit time.Duration, steps []string) string {
	c := begun(context.Background(), limit)
	twin, cancelTwin := context.WithCancelCause(context.Background())
	defer cancelTwin(nil)
	if limit > 0 {
		var release func()
		twin, release = context.WithDeadlineCause(twin, time.Now().Add(limit), ErrTimedOut)
		defer release()
	}
	var derived [][2]context.Context
	defer c.end()
	for i, step := range steps {
		switch step {
		case "wait":
			<-time.After(2*time.Second + time.Duration(i)) // never at the same time as a deadline
		case "long":
			<-time.After(10 * time.Second)
		case "stop":
			c.stop(ErrCancelled)
			cancelTwin(ErrCancelled)
		case "again":
			c.stop(ErrForgotten)
			cancelTwin(ErrForgotten)
		case "end":
			if twin.Err() != nil {
				c.Done() // why it ended is of no interest any more where nobody has looked before
			}
			c.end()
			cancelTwin(nil)
		case "derive":
			derived = append(derived, [2]context.Context{derive(c), derive(twin)})
		}
		synctest.Wait()
		problem := differs(c, twin, step)
		for _, both := range derived {
			problem = cmp.Or(problem, differs(both[0], both[1], "cause"))
		}
		if problem != "" {
			return fmt.Sprintf("step %d: %s", i, problem)
		}
	}
	return ""
}

// derive returns a context that ends with its parent.
func derive(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(parent)
	context.AfterFunc(parent, cancel)
	return ctx
}

// differs looks at one side of the two, so that the others stay as they are.
func differs(c, twin context.Context, step string) string {
	switch step {
	case "done":
		if isClosed(c.Done()) != isClosed(twin.Done()) {
			return "done"
		}
	case "cause":
		if got, want := context.Cause(c), context.Cause(twin); !errors.Is(got, want) {
			return fmt.Sprintf("cause is %v, want %v", got, want)
		}
	case "value":
		type other struct{}
		if c.Value(other{}) != nil {
			return "a value from nowhere"
		}
	case "err":
		if got, want := c.Err(), twin.Err(); !errors.Is(got, want) {
			return fmt.Sprintf("error is %v, want %v", got, want)
		}
		at, ok := c.Deadline()
		if want, has := twin.Deadline(); ok != has || !at.Equal(want) {
			return fmt.Sprintf("deadline is %s, want %s", at, want)
		}
	}
	return ""
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Why it ended is told the same whether or not the handler ever looked.
func TestCauseOfContext(t *testing.T) {
	t.Parallel()
	for _, looks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			minute, second, stopped := begun(t.Context(), time.Minute), begun(t.Context(), time.Second), begun(t.Context(), time.Minute)
			late := begun(t.Context(), time.Second)
			if looks {
				for _, c := range []*runContext{minute, second, stopped, late} {
					c.Done()
				}
			}
			<-time.After(2 * time.Second)
			late.stop(ErrCancelled) // the dispatcher does so where the worker does not
			stopped.stop(ErrCancelled)
			for _, tc := range []struct {
				c    *runContext
				want error
			}{{minute, nil}, {second, ErrTimedOut}, {stopped, ErrCancelled}, {late, ErrTimedOut}} {
				if got := tc.c.cause(); !errors.Is(got, tc.want) {
					t.Errorf("looks: %v: cause is %v, want %v", looks, got, tc.want)
				}
				tc.c.end()
			}
		})
	}
}

// A deadline that somebody else than a dispatcher sends may be anything.
func TestOddTimeouts(t *testing.T) {
	t.Parallel()
	for ms, want := range map[ha.Millis]time.Duration{
		0: 0, -1: 0, -1 << 63: 0, 1: time.Millisecond, 1<<63 - 1: ha.MaxTimeout,
	} {
		t.Run(fmt.Sprint(ms), func(t *testing.T) {
			c := begun(t.Context(), time.Second)
			c.task.TimeoutMS = ms
			if got := c.timeout(); got != want {
				t.Errorf("%d ms are %s, want %s", ms, got, want)
			}
		})
	}
}

// Reports are at least 100 ms apart, the newest wins, and the last one is said when
// the handler returns.
func TestProgressIsCoalesced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type report struct {
			at      time.Duration
			percent float64
		}
		var said []report
		begin := time.Now()
		c := begun(t.Context(), time.Hour)
		c.tell = func(_ ha.WorkerID, r subjects.ProgressReport) {
			said = append(said, report{time.Since(begin), r.Percent})
		}
		for _, next := range []struct {
			pause   time.Duration
			percent float64
		}{{0, 1}, {0, 2}, {30 * time.Millisecond, 3}, {0, 4}, {100 * time.Millisecond, 5}, {200 * time.Millisecond, 6}, {0, 7}} {
			<-time.After(next.pause)
			SetProgress(c, next.percent, "")
		}
		c.end()
		SetProgress(c, 8, "")
		<-time.After(time.Hour)
		ms := time.Millisecond
		want := []report{{0, 1}, {100 * ms, 4}, {200 * ms, 5}, {330 * ms, 6}, {330 * ms, 7}}
		if fmt.Sprint(said) != fmt.Sprint(want) {
			t.Errorf("said %v\nwant %v", said, want)
		}
	})
}

func TestProgressIsCut(t *testing.T) {
	t.Parallel()
	var said []string
	c := begun(t.Context(), time.Hour)
	c.tell = func(_ ha.WorkerID, r subjects.ProgressReport) {
		said = append(said, fmt.Sprint(r.Percent, len(r.Text)))
	}
	for _, percent := range []float64{-1, math.NaN(), math.Inf(1), 50} {
		c.reports().paused = false
		SetProgress(c, percent, strings.Repeat("é", 5000)[:2*int(min(5000, max(0, percent)))])
	}
	c.end()
	if got := strings.Join(said, ","); got != "0 0,0 0,100 256,50 100" {
		t.Errorf("said %v", got)
	}
	plain := begun(t.Context(), 0)
	SetProgress(plain, 1, "of a plain activation")
	if _, ok := TaskFrom(plain); ok || plain.progress != nil {
		t.Error("a plain activation passes for a task")
	}
}
