package client

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// TestRepetitionsAreLogged: one line each, which say what is repeated; and nothing of a
// request that is answered.
func TestRepetitionsAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		const unanswered = 3
		tries := 0
		c := scripted(Config{Log: zerolog.New(&log)}, func(context.Context, []byte) (*nats.Msg, error) {
			if tries++; tries <= unanswered {
				return nil, nats.ErrNoResponders
			}
			return replyWith(struct{}{})
		})
		for range 2 {
			if _, err := c.ask(t.Context(), c.newRequest("stats", nil)); err != nil {
				t.Fatal(err)
			}
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != unanswered {
			t.Fatalf("want %d lines, got\n%s", unanswered, log.String())
		}
		for i, line := range lines {
			for _, part := range []string{`"level":"debug"`, `"request":"stats"`, `"tries":` + string(rune('1'+i)), `no responders`} {
				if !strings.Contains(line, part) {
					t.Errorf("%s is not in %s", part, line)
				}
			}
		}
	})
}
