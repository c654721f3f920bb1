package eventually

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPollLooksUntilItSucceedsOrTheTimeIsUp(t *testing.T) {
	notYet := errors.New("not yet")
	for name, c := range map[string]struct {
		succeedsAt int // the look; 0: never
		within     time.Duration
		want       error
		took       time.Duration
	}{
		"at once":        {1, time.Second, nil, 0},
		"at the third":   {3, time.Second, nil, 2 * lookEvery},
		"never":          {0, 100 * time.Millisecond, notYet, 100 * time.Millisecond},
		"no time at all": {0, 0, notYet, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				looks, began := 0, time.Now()
				err := poll(t.Context(), c.within, func(context.Context) error {
					if looks++; looks == c.succeedsAt {
						return nil
					}
					return notYet
				})
				if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || time.Since(began) != c.took {
					t.Errorf("%v after %s, want %v after %s", err, time.Since(began), c.want, c.took)
				}
			})
		})
	}
}

func TestATryWithoutAnAnswerIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		Succeeds(t, time.Minute, func(ctx context.Context) error {
			if tries++; tries == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if tries != 3 {
			t.Errorf("%d tries", tries)
		}
	})
}

// Cleanups run when the test's own context has ended.
func TestACleanupMayWait(t *testing.T) {
	t.Cleanup(func() {
		looks := 0
		True(t, time.Minute, func() bool { looks++; return looks == 3 }, "the third look")
	})
}
