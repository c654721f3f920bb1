package embedded

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/internal/text"
)

// Defaults of the fields of a [Config] that are zero.
const (
	DefaultMaxPayload   = 8 << 20
	DefaultReadyTimeout = 10 * time.Second
	DefaultClusterName  = "ha"
)

// Limits of a [Config].
const (
	// MinMaxPayload and MaxMaxPayload bound MaxPayload in bytes. The upper one is
	// what the server is ready to hold back for one client.
	MinMaxPayload = 1 << 10
	MaxMaxPayload = 64 << 20
	// MaxRoutes is the greatest number of routes.
	MaxRoutes = 64
)

// Config is what a [Server] can be told. The zero value is a server with a
// temporary store that only this process can reach.
type Config struct {
	// Name is the server's name, 1 to 64 letters, digits, '_' and '-', unlike that
	// of any other server of the cluster. Empty: the one that the store remembers,
	// or a made-up one.
	Name string
	// Listen is where clients connect, "host:port". No host: all interfaces. Port
	// 0: a free one. Empty: nowhere, only [Server.Connect] reaches the server.
	Listen string
	// StoreDir holds what must survive; it is created if need be. Empty: a
	// temporary directory that [Server.Shutdown] removes.
	StoreDir string
	// ClusterListen makes the server a member of a cluster, which needs Listen,
	// StoreDir and Routes as well: "host:port", where its other servers connect. No
	// host: all interfaces. Empty: a server by itself.
	ClusterListen string
	// Routes lead to the ClusterListen of every server of the cluster, "nats://host:port",
	// 1 to 64 of them. Its own belongs among them, so that all servers are told the
	// same. A new cluster takes their number for its size: with too few, two halves
	// of it could each take themselves for the whole.
	Routes []string
	// ClusterName must be the same on all servers of a cluster; 1 to 64 letters,
	// digits, '_' and '-'. Empty: "ha".
	ClusterName string
	// ClusterAdvertise is the "host:port" under which the other servers reach
	// ClusterListen, where that is not it, as behind an address translation.
	ClusterAdvertise string
	// NoJetStream leaves JetStream out.
	NoJetStream bool
	// MaxPayload is the greatest length in bytes of a message, 1 KiB to 64 MiB. 0:
	// 8 MiB.
	MaxPayload int32
	// ReadyTimeout is how long a start may take, which with a large store is mostly
	// the time to read it; at most 1 h. 0: 10 s.
	ReadyTimeout time.Duration
	// Log receives what the server has to say. The zero logger writes nothing.
	Log zerolog.Logger
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	var wrong problems.List
	if c.Name != "" && !ha.ValidToken(c.Name) {
		wrong.Add("name must be 1 to %d letters, digits, '_' or '-', got %s", ha.MaxToken, text.Quote(c.Name))
	}
	if c.Listen != "" {
		if _, _, err := splitListen(c.Listen); err != nil {
			wrong.Check(err)
		}
	}
	if c.MaxPayload != 0 && (c.MaxPayload < MinMaxPayload || c.MaxPayload > MaxMaxPayload) {
		wrong.Add("max payload must be 0 (%d) or from %d to %d bytes, got %d", DefaultMaxPayload, MinMaxPayload, MaxMaxPayload, c.MaxPayload)
	}
	if c.ReadyTimeout < 0 || c.ReadyTimeout > time.Hour {
		wrong.Add("ready timeout must be from 0 (%s) to 1h, got %s", DefaultReadyTimeout, c.ReadyTimeout)
	}
	c.checkCluster(&wrong)
	return wrong.Err("embedded NATS server: invalid configuration")
}

// withDefaults returns c with every zero field that has a default filled in.
func (c Config) withDefaults() Config {
	if c.MaxPayload == 0 {
		c.MaxPayload = DefaultMaxPayload
	}
	if c.ReadyTimeout == 0 {
		c.ReadyTimeout = DefaultReadyTimeout
	}
	if c.clustered() && c.ClusterName == "" {
		c.ClusterName = DefaultClusterName
	}
	return c
}

// splitListen takes a listen address apart. No host is returned as the one that
// stands for all interfaces, so that everybody who binds it binds the same.
func splitListen(listen string) (host string, port int, err error) {
	host, service, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen must be host:port such as 127.0.0.1:4222, got %s", text.Quote(listen))
	}
	port, err = strconv.Atoi(service)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen must have a port from 0 (a free one) to 65535, got %s", text.Quote(listen))
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}
