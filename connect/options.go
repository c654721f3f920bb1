package connect

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// DefaultTimeout is how long one server may take to accept a connection, and
	// again to answer on it.
	DefaultTimeout = 2 * time.Second

	pingInterval = 2 * time.Second
	pingsOut     = 2
	retryWait    = 250 * time.Millisecond
	retryJitter  = 250 * time.Millisecond
)

// Options returns what every connection of ours needs, for [nats.Connect] and the
// like. The connection is called name, on the server and in the log. The zero
// logger writes nothing.
func Options(name string, log zerolog.Logger) []nats.Option {
	l := connLog{log.With().Str("connection", name).Logger()}
	return []nats.Option{
		nats.Name(name),
		nats.Timeout(DefaultTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOut),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(retryWait),
		nats.ReconnectJitter(retryJitter, retryJitter),
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(l.disconnected),
		nats.ReconnectHandler(l.reconnected),
		nats.ReconnectErrHandler(l.notReconnected),
		nats.ClosedHandler(l.closed),
		nats.ErrorHandler(l.failed),
	}
}

// connLog logs what the client tells. The client calls the methods of one
// connection one after another.
type connLog struct{ log zerolog.Logger }

// disconnected has no error where the connection was closed on purpose.
func (l connLog) disconnected(_ *nats.Conn, err error) {
	if err == nil {
		l.log.Debug().Msg("disconnected from NATS")
		return
	}
	l.log.Warn().Err(err).Msg("disconnected from NATS, reconnecting")
}

func (l connLog) reconnected(nc *nats.Conn) {
	l.log.Info().Str("server", redact(nc.ConnectedUrl())).Uint64("reconnects", nc.Stats().Reconnects).Msg("reconnected to NATS")
}

// notReconnected comes several times a second while the server is away.
func (l connLog) notReconnected(_ *nats.Conn, err error) {
	l.log.Debug().Err(err).Msg("not yet reconnected to NATS")
}

func (l connLog) closed(*nats.Conn) { l.log.Debug().Msg("connection to NATS closed") }

func (l connLog) failed(_ *nats.Conn, sub *nats.Subscription, err error) {
	if sub == nil {
		l.log.Error().Err(err).Msg("NATS connection error")
		return
	}
	if !errors.Is(err, nats.ErrSlowConsumer) {
		l.log.Error().Err(err).Str("subject", sub.Subject).Msg("NATS subscription error")
		return
	}
	event := l.log.Warn().Str("subject", sub.Subject)
	if dropped, err := sub.Dropped(); err == nil {
		event = event.Int("dropped", dropped)
	}
	if pending, _, err := sub.Pending(); err == nil {
		event = event.Int("pending", pending)
	}
	event.Msg("subscription too slow, messages dropped")
}
