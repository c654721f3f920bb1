package node

import (
	"reflect"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/problems"
)

// Config is what a [Node] can be told. The zero value is a server that only this
// process can reach and a dispatcher, which keep everything in memory.
type Config struct {
	// Listen is where clients connect to the server, "host:port"; see
	// [embedded.Config.Listen], which it stands for.
	Listen string
	// Store is the directory of what must survive; see [embedded.Config.StoreDir], which
	// it stands for. Empty: what the node knows ends with it. Unless
	// Dispatcher.Journal says otherwise, the journal is kept in memory then, and the
	// server has no JetStream.
	Store string
	// Ephemeral says that nothing is to survive. Without it, a node that has no Store
	// says so in its log.
	Ephemeral bool
	// Server holds all that the server can be told, besides Listen and Store.
	Server embedded.Config
	// Conn is a connection to a NATS server that runs elsewhere. The node starts none
	// then: Listen, Store, Ephemeral and Server must be zero. The connection stays the
	// caller's to close, after Stop.
	Conn *nats.Conn
	// Dispatcher holds all that the dispatcher can be told. Its StateDir is the store, unless it
	// names another directory.
	Dispatcher dispatcher.Config
	// Log receives what the node has to say, and its parts where their own Log is zero.
	// The zero logger writes nothing.
	Log zerolog.Logger
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	var wrong problems.List
	own := c.Listen != "" || c.Store != "" || c.Ephemeral || !reflect.ValueOf(c.Server).IsZero()
	if c.Conn != nil && own {
		wrong.Add("a node on a connection has no server of its own: listen, store, ephemeral and server must be left out")
	}
	if differ(c.Listen, c.Server.Listen) {
		wrong.Add("listen and the server's listen differ: %q and %q", c.Listen, c.Server.Listen)
	}
	if differ(c.Store, c.Server.StoreDir) {
		wrong.Add("store and the server's store dir differ: %q and %q", c.Store, c.Server.StoreDir)
	}
	c = c.withDefaults()
	if c.Conn == nil && c.Server.NoJetStream && c.Dispatcher.Journal == dispatcher.JournalStream {
		wrong.Add("the journal cannot be in JetStream if the server has none")
	}
	wrong.Check(c.Server.Validate())
	wrong.Check(c.Dispatcher.Validate())
	return wrong.Err("node configuration")
}

func differ(short, long string) bool { return short != "" && long != "" && short != long }

// withDefaults returns c with the settings of its parts complete.
func (c Config) withDefaults() Config {
	if c.Listen != "" {
		c.Server.Listen = c.Listen
	}
	if c.Store != "" {
		c.Server.StoreDir = c.Store
	}
	if c.Conn == nil && c.Dispatcher.StateDir == "" {
		c.Dispatcher.StateDir = c.Server.StoreDir // beside what it is about; none: nothing survives
	}
	if c.forgets() && c.Dispatcher.Journal == "" {
		c.Dispatcher.Journal = dispatcher.JournalMemory
		c.Server.NoJetStream = true
	}
	for _, log := range []*zerolog.Logger{&c.Server.Log, &c.Dispatcher.Log} {
		if reflect.ValueOf(*log).IsZero() {
			*log = c.Log
		}
	}
	return c
}

// forgets reports whether a node with the settings c, or with these and their defaults,
// has a server and names no store for it.
func (c Config) forgets() bool {
	return c.Conn == nil && c.Store == "" && c.Server.StoreDir == ""
}
