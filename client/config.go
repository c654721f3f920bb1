package client

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/subjects"
)

// The defaults of a [Config], and the longest that its times may be.
const (
	DefaultTimeout  = 2 * time.Second
	DefaultPatience = 30 * time.Second
	MaxTimeout      = time.Hour
	MaxPatience     = 30 * 24 * time.Hour
)

// Config is what a [Client] can be told. Zero is the default of every field.
type Config struct {
	// Prefix begins every subject; it must be the dispatcher's. Default "ha".
	Prefix string
	// Timeout is how long one try of a request waits for its answer, up to 1 h.
	// Default 2 s. A request that is held back by intent, as [Client.Wait] sends, is
	// given that much more.
	Timeout time.Duration
	// Patience is how long a request that gets no answer is repeated, up to 30 days.
	// Default 30 s. A call whose context ends earlier ends with it.
	Patience time.Duration
	// Strict has the dispatcher refuse a request that has a field which it does not know, with
	// the code "unknown_field". An older dispatcher than this client otherwise ignores what
	// is new; one that is older than strictness itself ignores this too.
	Strict bool
	// KeepServer keeps the connection where it is. By default a client that is not answered for 5 s moves it to another NATS
	// server of the cluster, as the one it is connected to may be cut off from the dispatcher, and once more to a
	// random one when it is idle some minutes later. All who use the connection are reconnected.
	KeepServer bool
	// Log receives, at level debug, which requests are repeated, and why. The zero logger
	// writes nothing.
	Log zerolog.Logger
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	var wrong problems.List
	_, err := subjects.NewNames(c.Prefix)
	wrong.Check(err)
	if c.Timeout < 0 || c.Timeout > MaxTimeout {
		wrong.Add("timeout must be from 0 (the default, %s) to %s, got %s", DefaultTimeout, MaxTimeout, c.Timeout)
	}
	if c.Patience < 0 || c.Patience > MaxPatience {
		wrong.Add("patience must be from 0 (the default, %s) to %s, got %s", DefaultPatience, MaxPatience, c.Patience)
	}
	return wrong.Err("client configuration")
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	return c
}
