package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/embedded"
)

func TestAvailable(t *testing.T) {
	noLeaks(t)
	with := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	if err := Available(within(t), dial(t, with.URL())); err != nil {
		t.Errorf("a server with JetStream: %v", err)
	}
	without := startServer(t, embedded.Config{Listen: "127.0.0.1:0", NoJetStream: true})
	nc := dial(t, without.URL())
	if err := Available(within(t), nc); !errors.Is(err, ErrNoJetStream) {
		t.Errorf("a server without: want ErrNoJetStream, got %v", err)
	}
	if _, err := OpenJetStream(within(t), nc, JetStreamConfig{Prefix: "p"}); !errors.Is(err, ErrUnhealthy) {
		t.Errorf("open without JetStream: got %v", err)
	}
	// A server that does not answer may well have JetStream, with a journal in it.
	without.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Available(ctx, nc); !errors.Is(err, ErrUnhealthy) || errors.Is(err, ErrNoJetStream) {
		t.Errorf("no server: want ErrUnhealthy, got %v", err)
	}
}

func TestCheckServer(t *testing.T) {
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	if err := CheckServer(nc); err != nil {
		t.Errorf("the embedded server: %v", err)
	}
	if caveat := PowerLossCaveat(nc); caveat != "" {
		t.Errorf("the embedded server: %s", caveat)
	}
}

// TestAtLeast goes through versions in the order of their age.
func TestAtLeast(t *testing.T) {
	rising := []string{
		"", "2.9", "x.y.z", "2.10.0", "2.11.17", "2.12.2", "2.12.3-RC.1", "2.12.3", "v2.12.4", "2.12.10", "2.14.8",
		"2.15.0-dev", "2.15.0+build.7", "2.15.1", "3.0.0",
	}
	for i, version := range rising {
		for k, oldest := range rising {
			if k < 3 {
				continue // never asked for
			}
			if got, want := atLeast(version, oldest), i >= k; got != want {
				t.Errorf("atLeast(%q, %q) is %t", version, oldest, got)
			}
		}
	}
	if !atLeast("2.12.8-fips", "2.12.8") {
		t.Error("a build for other needs is not older")
	}
}

// TestDiagnose: every code that has a diagnosis gets it, keeps its cause, and
// none is taken for a conflict.
func TestDiagnose(t *testing.T) {
	for code := range diagnoses {
		t.Run(fmt.Sprint("code ", code), func(t *testing.T) {
			err := fmt.Errorf("append: %w", diagnose(&apiError{Code: code, Description: "why"}))
			if !errors.Is(err, ErrUnhealthy) || !hasCode(err, code) || !strings.Contains(err.Error(), "why") {
				t.Errorf("code %d: %v", code, err)
			}
			if hasCode(err, codeWrongLast, codeWrongLastInBatch) {
				t.Errorf("code %d is a conflict", code)
			}
		})
	}
	for _, cause := range []error{
		nats.ErrNoResponders, nats.ErrTimeout, context.DeadlineExceeded, nats.ErrConnectionClosed, nats.ErrDisconnected,
		nats.ErrReconnectBufExceeded,
	} {
		t.Run(cause.Error(), func(t *testing.T) {
			if err := diagnose(cause); !errors.Is(err, ErrUnhealthy) || !errors.Is(err, cause) {
				t.Errorf("%v: %v", cause, err)
			}
		})
	}
	for _, other := range []error{nil, context.Canceled, nats.ErrMaxPayload, &apiError{Code: codeWrongLast}, &apiError{Code: 10158}} {
		t.Run(fmt.Sprint("as it is: ", other), func(t *testing.T) {
			if err := diagnose(other); !errors.Is(err, other) || errors.Is(err, ErrUnhealthy) {
				t.Errorf("%v: %v", other, err)
			}
		})
	}
}
