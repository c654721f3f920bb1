package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jsm.go/natscontext"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/internal/problems"
)

// Source says who named the server.
type Source string

// The sources, in the order in which they are asked.
const (
	// SourceGiven: [Config.URL].
	SourceGiven Source = "given"
	// SourceEnvironment: the environment's NATS_URL.
	SourceEnvironment Source = "NATS_URL"
	// SourceContext: the nats context that [Config.Context] or NATS_CONTEXT named.
	SourceContext Source = "context"
	// SourceSelected: the nats context that is selected on this machine.
	SourceSelected Source = "selected context"
	// SourceDefault: nobody.
	SourceDefault Source = "default"
)

// Config is what a process was told about its connection. The zero value leaves all
// to the environment.
type Config struct {
	// URL names the server, or several of one cluster separated by commas. The
	// schemes are nats (also when there is none), tls, ws and wss.
	URL string
	// Creds is the path of a credentials file.
	Creds string
	// Context is the name of a nats context.
	Context string
	// Name is what the connection is called on the server and in the log.
	Name string
	// Timeout is how long one server may take to accept a connection, and again to
	// answer on it; 1 ms to 1 min. 0: 2 s.
	Timeout time.Duration
	// Wait makes [Dial] try again until its context ends.
	Wait bool
	// Log receives what happens to the connection. The zero logger writes nothing.
	Log zerolog.Logger
}

// Resolved is a [Config] that was completed from the environment.
type Resolved struct {
	// URL is the server, or several separated by commas, each with its scheme. It
	// may hold a password; show String instead.
	URL string
	// Source says who named the server.
	Source Source
	// Explicit reports whether anybody did: Source is not [SourceDefault].
	Explicit bool
	// Context is the name of the nats context in use, or "".
	Context string

	config Config
	extra  []nats.Option // credentials and TLS
}

// String returns the server and its source without secrets.
func (r Resolved) String() string {
	servers := strings.Split(r.URL, ",")
	for i, s := range servers {
		servers[i] = redact(s)
	}
	return fmt.Sprintf("%s (%s)", strings.Join(servers, ","), r.Source)
}

// Resolve completes c from the environment, as the package's comment describes. It
// reads the files of the context and of the credentials, and connects to nothing.
// getenv is [os.Getenv] except in tests. The error matches
// [ha.ErrInvalid]: a server that is malformed, or a context or a file of credentials
// that cannot be read.
func (c Config) Resolve(getenv func(string) string) (Resolved, error) {
	if err := c.Validate(); err != nil {
		return Resolved{}, err
	}
	r, err := c.resolve(getenv)
	if err != nil {
		return Resolved{}, problems.Mark(fmt.Errorf("%s: %w", invalidConfig, err))
	}
	return r, nil
}

const invalidConfig = "resolve NATS server: invalid NATS configuration"

// Validate returns one error that names all that is wrong with c by itself, whatever
// the environment says; it matches [ha.ErrInvalid].
func (c Config) Validate() error {
	var wrong problems.List
	if c.Timeout != 0 && (c.Timeout < time.Millisecond || c.Timeout > time.Minute) {
		wrong.Add("timeout must be 0 (%s) or from 1ms to 1m, got %s", DefaultTimeout, c.Timeout)
	}
	if c.URL != "" {
		if _, err := parseServers(c.URL); err != nil {
			wrong.Add("%s: %v", SourceGiven, err)
		}
	}
	return wrong.Err(invalidConfig)
}

func (c Config) resolve(getenv func(string) string) (Resolved, error) {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Creds == "" {
		c.Creds = getenv("NATS_CREDS")
	}
	r := Resolved{Source: SourceDefault, URL: nats.DefaultURL}
	if c.URL != "" {
		r.Source, r.URL = SourceGiven, c.URL
	} else if env := getenv("NATS_URL"); env != "" {
		r.Source, r.URL = SourceEnvironment, env
	}
	if err := r.useContext(c, getenv); err != nil {
		return Resolved{}, err
	}
	servers, err := parseServers(r.URL)
	if err != nil {
		return Resolved{}, fmt.Errorf("%s: %w", r.Source, err)
	}
	if c.Creds != "" {
		r.extra = append(r.extra, withoutIdentity, nats.UserCredentials(c.Creds))
	}
	r.URL, r.Explicit, r.config = strings.Join(servers, ","), r.Source != SourceDefault, c
	if err := r.checkIdentity(); err != nil {
		return Resolved{}, fmt.Errorf("credentials: %w", err)
	}
	return r, nil
}

// useContext takes from a nats context what it is to provide: the server where
// nothing before it named one, and the credentials and TLS settings.
func (r *Resolved) useContext(c Config, getenv func(string) string) error {
	name := c.Context
	if name == "" {
		name = getenv("NATS_CONTEXT")
	}
	contexts, source := contextRegistry(getenv), SourceContext
	if name == "" {
		if r.Source != SourceDefault {
			return nil
		}
		var err error
		source = SourceSelected
		name, err = contexts.Selected(context.Background())
		if errors.Is(err, natscontext.ErrNoneSelected) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find the selected nats context: %w", err)
		}
	}
	// The context's own credentials file may be missing where another outranks it.
	nctx, err := contexts.Load(context.Background(), name, natscontext.WithCreds(c.Creds))
	if err != nil {
		return fmt.Errorf("%s %q: %w", source, name, err)
	}
	r.extra, err = nctx.NATSOptions()
	if err != nil {
		return fmt.Errorf("%s %q: %w", source, name, err)
	}
	r.Context = name
	if r.Source == SourceDefault {
		r.Source, r.URL = source, nctx.ServerURL()
	}
	return nil
}

// contextRegistry opens the nats contexts where the nats command line keeps them.
func contextRegistry(getenv func(string) string) *natscontext.Registry {
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		return natscontext.NewRegistry(natscontext.NewFileBackendAt(dir))
	}
	return natscontext.NewRegistry(natscontext.NewDefaultFileBackend())
}

// withoutIdentity takes back who a context says we are, before credentials that
// outrank it are set.
func withoutIdentity(o *nats.Options) error {
	o.User, o.Password, o.Token, o.Nkey = "", "", "", ""
	o.UserJWT, o.SignatureCB = nil, nil
	return nil
}

// checkIdentity reads the credentials as the client will when it connects, so that
// a missing file is an error now and not a server to wait for. The client looks at
// the first half of a credentials file when it is given its options, at the second,
// the key, only when it signs.
func (r *Resolved) checkIdentity() error {
	o, err := r.options()
	if err != nil {
		return err
	}
	if o.SignatureCB != nil {
		_, err = o.SignatureCB([]byte("any nonce"))
	}
	return err
}
