package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/internal/text"
)

const (
	// routePing is the time between two pings on a route, and routePingsOut how many
	// may be unanswered: a peer that froze, or cannot be reached, is dropped within 2.4 s, which
	// leaves time to turn JetStream off before it campaigns. nats-server's own interval is 30 s.
	routePing     = 800 * time.Millisecond
	routePingsOut = 2
	// reportEvery is how many attempts to reach a lost peer, of which there are a
	// few a second, make one line in the log.
	reportEvery = 60

	// sayAfter is when a server first says what it waits for, and sayEvery the time
	// between two such lines.
	sayAfter = time.Second
	sayEvery = 10 * time.Second

	// pollEvery is the time between two looks at what nats-server does not signal.
	pollEvery = 20 * time.Millisecond
)

// clustered reports whether c describes a member of a cluster.
func (c Config) clustered() bool { return c.ClusterListen != "" }

// checkCluster adds to wrong what is wrong with the settings of a cluster.
func (c Config) checkCluster(wrong *problems.List) {
	if !c.clustered() {
		if len(c.Routes) > 0 || c.ClusterName != "" || c.ClusterAdvertise != "" {
			wrong.Add("routes, cluster name and cluster advertise need a cluster listen")
		}
		return
	}
	if _, err := splitFixed(c.ClusterListen); err != nil {
		wrong.Add("cluster listen %v", err)
	} else if c.ClusterListen == c.Listen {
		wrong.Add("listen and cluster listen must differ, got %s twice", text.Quote(c.Listen))
	}
	if c.ClusterAdvertise != "" {
		if host, err := splitFixed(c.ClusterAdvertise); err != nil || host == "" {
			wrong.Add("cluster advertise must be host:port, as the other servers reach this one, got %s", text.Quote(c.ClusterAdvertise))
		}
	}
	if c.ClusterName != "" && !ha.ValidToken(c.ClusterName) {
		wrong.Add("cluster name must be 1 to %d letters, digits, '_' or '-', got %s", ha.MaxToken, text.Quote(c.ClusterName))
	}
	if c.Listen == "" {
		wrong.Add("a cluster needs listen: clients of one server may be sent to any other")
	}
	if c.StoreDir == "" {
		wrong.Add("a cluster needs a store dir: its peers know a server by the name in it")
	}
	_, more := parseRoutes(c.Routes)
	*wrong = append(*wrong, more...)
}

// splitFixed takes an address apart that others must know in advance.
func splitFixed(address string) (host string, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("must be host:port such as 10.0.0.1:6222, got %s", text.Quote(address))
	}
	if port, err := strconv.Atoi(service); err != nil || port < 1 || port > 65535 {
		return "", fmt.Errorf("must have a port from 1 to 65535, got %s", text.Quote(address))
	}
	return host, nil
}

// parseRoutes turns "nats://host:port" or "host:port" into URLs. nats-server
// derives the size of a new cluster from their number, so none may come twice. What
// is wrong with them is listed in wrong.
func parseRoutes(routes []string) (urls []*url.URL, wrong problems.List) {
	if len(routes) < 1 || len(routes) > MaxRoutes {
		wrong.Add("a cluster needs 1 to %d routes, one to each server of it, got %d", MaxRoutes, len(routes))
		return nil, wrong
	}
	urls = make([]*url.URL, 0, len(routes))
	for _, route := range routes {
		host, scheme := route, "nats"
		if before, after, ok := strings.Cut(route, "://"); ok {
			scheme, host = before, strings.TrimSuffix(after, "/")
		}
		name, err := splitFixed(host)
		switch {
		case err != nil, name == "", scheme != "nats", strings.ContainsAny(name, "@/?#% "):
			wrong.Add("a route must be nats://host:port, got %s", text.Quote(route))
			continue
		case slices.ContainsFunc(urls, func(u *url.URL) bool { return strings.EqualFold(u.Host, host) }):
			wrong.Add("route %s is there twice", text.Quote(route))
			continue
		}
		urls = append(urls, &url.URL{Scheme: scheme, Host: host})
	}
	return urls, wrong
}

// addClusterOptions makes o the options of a member of a cluster. c is valid.
func (c Config) addClusterOptions(o *server.Options) {
	o.Cluster.Name = c.ClusterName
	o.Cluster.Host, o.Cluster.Port, _ = splitListen(c.ClusterListen)
	o.Cluster.Advertise = c.ClusterAdvertise
	o.Cluster.PingInterval, o.Cluster.MaxPingsOut = routePing, routePingsOut
	o.Routes, _ = parseRoutes(c.Routes)
	// When JetStream is started anew, nats-server sorts the routes that it has while others read them.
	slices.SortFunc(o.Routes, func(a, b *url.URL) int { return strings.Compare(a.String(), b.String()) })
	o.ReconnectErrorReports = reportEvery
}

// awaitRoutes returns nil once peers can connect. nats-server opens that listener
// in the background, after its own start has returned, and does not signal it.
func (s *Server) awaitRoutes(ctx context.Context) error {
	err := s.poll(ctx, func() bool { return s.ns.ClusterAddr() != nil })
	if err == nil {
		s.clusterAddr = s.ns.ClusterAddr()
	}
	return err
}

// ClusterAddr returns where the server listens for its peers, or nil where it is
// not a member of a cluster.
func (s *Server) ClusterAddr() net.Addr { return s.clusterAddr }

// JetStreamReady waits until JetStream can be used: in a cluster until its servers
// have a leader and this one knows what it knows, which needs more than half of
// them and, after a crash, up to 10 s; elsewhere not at all. It sets no limit of
// its own; while it waits, the log says so. The error is the context's cause, or
// matches [ErrFailed] if the server ended first.
func (s *Server) JetStreamReady(ctx context.Context) error {
	for wait := sayAfter; ; wait = sayEvery {
		limited, cancel := context.WithTimeoutCause(ctx, wait, errStillWaiting)
		err := s.poll(limited, s.knowsLeader)
		cancel()
		switch {
		case err == nil:
			if s.store.mode == cluster {
				s.log.Info().Str("leads", s.MetaLeader()).Msg("the cluster of NATS servers is ready")
			}
			return nil
		case !errors.Is(err, errStillWaiting):
			return fmt.Errorf("wait for JetStream: %w", err)
		}
		s.log.Warn().Msg("waiting for more servers of the cluster: more than half of them must run and reach each other")
	}
}

var errStillWaiting = errors.New("still waiting")

func (s *Server) knowsLeader() bool {
	// nats-server's own answer to whether it is clustered changes with its end.
	return s.store.mode != cluster || s.MetaLeader() != "" && s.ns.JetStreamIsCurrent()
}

// MetaLeader returns the name of the server that decides where the cluster's
// streams are, or "" where this server knows of none and outside a cluster.
func (s *Server) MetaLeader() string {
	js, err := s.ns.Jsz(nil)
	if err != nil || js.Meta == nil {
		return ""
	}
	return js.Meta.Leader
}

// poll waits until condition holds, ctx ends, or the server does.
func (s *Server) poll(ctx context.Context, condition func() bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.done:
			if s.endError != nil {
				return s.endError
			}
			return fmt.Errorf("%w: it was shut down", ErrFailed)
		}
	}
	return nil
}
