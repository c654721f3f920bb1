package dispatcher

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Defaults of a [Config] that [ha.DefaultTiming] does not hold.
const (
	DefaultActivateEvery = 2 * time.Second
	DefaultShareWindow   = 10_000
	DefaultMaxWorkers    = 1_000_000
)

// Config is what a [Dispatcher] can be told. Begin with [DefaultConfig]: zero
// is a meaningful value of several fields, never a request for the default.
type Config struct {
	// Name tells this dispatcher from others, on the wire and in logs: 1 to 64
	// letters, digits, '_' and '-'.
	Name string
	// Prefix begins every subject; see [subjects.NewNames].
	Prefix string
	// Timing is announced to every worker that registers.
	Timing ha.Timing
	// ActivateEvery is the time between two plain activations, from 0 to 24 h. 0:
	// whenever a worker is idle.
	ActivateEvery time.Duration
	// ShareWindow is how many of the last activations the selection balances; 0:
	// all since registration. At most 10,000,000.
	ShareWindow int
	// MaxWorkers is how many workers may be registered, from 1 to 10,000,000. One
	// more is refused with status 429.
	MaxWorkers int
	// Direct sends activations to workers that offer it on subjects of their own,
	// instead of to all workers on the shared one.
	Direct bool
	// Log receives what the dispatcher has to say.
	Log zerolog.Logger
}

// DefaultConfig returns the configuration of a dispatcher that was told nothing
// but its name. It logs nothing.
func DefaultConfig(name string) Config {
	return Config{
		Name:          name,
		Prefix:        subjects.DefaultPrefix,
		Timing:        ha.DefaultTiming(),
		ActivateEvery: DefaultActivateEvery,
		ShareWindow:   DefaultShareWindow,
		MaxWorkers:    DefaultMaxWorkers,
		Log:           zerolog.Nop(),
	}
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	problems := c.Timing.Problems()
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !subjects.ValidToken(c.Name) {
		bad("name must be 1 to %d letters, digits, '_' or '-', got %s", subjects.MaxToken, subjects.Quote(c.Name))
	}
	if _, err := subjects.NewNames(c.Prefix); err != nil {
		bad("%v", err)
	}
	if c.ActivateEvery < 0 || c.ActivateEvery > 24*time.Hour {
		bad("activate every must be from 0 to 24h, got %s", c.ActivateEvery)
	}
	if c.ShareWindow < 0 || c.ShareWindow > 10_000_000 {
		bad("share window must be from 0 (all) to 10000000 activations, got %d", c.ShareWindow)
	}
	if c.MaxWorkers < 1 || c.MaxWorkers > 10_000_000 {
		bad("max workers must be from 1 to 10000000, got %d", c.MaxWorkers)
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.Join(ha.ErrInvalid, errors.New("dispatcher configuration: "+strings.Join(problems, "; ")))
}
