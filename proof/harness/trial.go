package harness

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Trial is a [Part] that is being played. It must not be used concurrently.
type Trial struct {
	// Seed decides all that is left to chance; Rand is made from it, for this part alone.
	Seed uint64
	Rand *rand.Rand
	// Result takes what is found.
	Result *Scenario

	keep     bool
	slack    float64
	progress io.Writer
}

// Say tells how it goes; that nobody reads it is no reason to stop.
func (t *Trial) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.progress, t.Result.Name+": "+format+"\n", args...)
}

// Within returns a bound with the slack that was asked for.
func (t *Trial) Within(d time.Duration) time.Duration { return time.Duration(float64(d) * t.slack) }

// NewLab is [NewLab], and keeps what is in it if that was asked for.
func (t *Trial) NewLab(ctx context.Context) (*Lab, error) { return t.NewLabOf(ctx, "") }

// NewLabOf is NewLab with that binary of the command, such as one of a version before; empty:
// with one that it builds.
func (t *Trial) NewLabOf(ctx context.Context, binary string) (*Lab, error) {
	lab, err := newLab(ctx, binary)
	if err != nil {
		return nil, err
	}
	if lab.Keep = t.keep; t.keep {
		t.Say("logs and stores are in %s", lab.Dir)
	}
	return lab, nil
}
