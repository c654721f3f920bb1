package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStopReportsTheFirstErrorAndWhoHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan *Part, 3)
		note := func(p *Part) { ended <- p }
		waits := func(ctx context.Context) error { <-ctx.Done(); return nil }
		boom := errors.New("boom")
		orderly := StartPart(ctx, "orderly", waits, note)
		failing := StartPart(ctx, "failing", func(ctx context.Context) error { <-ctx.Done(); return boom }, note)
		free := make(chan struct{})
		hanging := StartPart(ctx, "hanging", func(context.Context) error { <-free; return nil }, note)

		cancel() // the end of the parent must not stop a part
		synctest.Wait()
		if len(ended) != 0 {
			t.Fatal("a part ended with its parent's context")
		}
		if err := StopParts(time.Second, orderly, failing); !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "failing: ") {
			t.Fatalf("stop = %v, want failing: boom", err)
		}
		begun := time.Now()
		err := StopParts(time.Second, orderly, hanging)
		if err == nil || err.Error() != "hanging did not stop within 1s" || time.Since(begun) != time.Second {
			t.Fatalf("stop = %v after %s", err, time.Since(begun))
		}
		close(free)
		synctest.Wait()
		if len(ended) != 3 {
			t.Fatalf("%d of 3 parts told that they ended", len(ended))
		}
	})
}
