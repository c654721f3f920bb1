package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
)

// electionTime bounds the waits for a leader, which without a hand-over takes up to 9 s.
const electionTime = 20 * time.Second

// freeAddresses returns addresses on which nobody listens at the moment.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	addresses, err := process.FreeAddresses(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return addresses
}

// clusterConfigs returns what the n servers of a new cluster are told.
func clusterConfigs(t *testing.T, n int) (configs []Config) {
	t.Helper()
	routes := freeAddresses(t, n)
	for i, r := range routes {
		configs = append(configs, Config{
			Name: fmt.Sprintf("n%d", i+1), Listen: "127.0.0.1:0", ClusterListen: r, Routes: routes, StoreDir: t.TempDir(),
		})
	}
	return configs
}

// startAll starts servers that end with the test, in the order of a shutdown of a
// whole cluster: all at once.
func startAll(t *testing.T, configs []Config) (servers []*Server) {
	t.Helper()
	for _, cfg := range configs {
		servers = append(servers, start(t, cfg))
	}
	for _, s := range servers {
		ready(t, s)
	}
	return servers
}

func ready(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), electionTime)
	defer cancel()
	if err := s.JetStreamReady(ctx); err != nil {
		t.Fatalf("%s: %v", s.Name(), err)
	}
}

// leaderOf returns the server that leads the cluster, and the others.
func leaderOf(t *testing.T, servers []*Server) (leader *Server, rest []*Server) {
	t.Helper()
	for i, s := range servers {
		if s.Name() == servers[0].MetaLeader() {
			return s, slices.Delete(slices.Clone(servers), i, i+1)
		}
	}
	t.Fatalf("%q leads, who is none of us", servers[0].MetaLeader())
	return nil, nil
}

func jetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestClusterOutlivesAnyOfItsServers(t *testing.T) {
	t.Parallel()
	configs := clusterConfigs(t, 3)
	servers := startAll(t, configs)
	for i, s := range servers {
		if s.ClusterAddr().String() != configs[i].ClusterListen || s.ns.ClusterName() != DefaultClusterName {
			t.Errorf("%s listens for its peers on %v as one of %s", s.Name(), s.ClusterAddr(), s.ns.ClusterName())
		}
	}
	leader, rest := leaderOf(t, servers)
	nc := inProcess(t, rest[0])
	js := jetStream(t, nc)
	eventually.Succeeds(t, electionTime, func(ctx context.Context) error { // until all three are known to be there
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}, Replicas: 3})
		return err
	})
	published := 0
	publish := func(within time.Duration) {
		t.Helper()
		eventually.Succeeds(t, within, func(ctx context.Context) error {
			_, err := js.Publish(ctx, "log", []byte("kept"))
			return err
		})
		published++
	}
	publish(electionTime)

	// An election begins after 4 s of silence: who is faster was handed the lead.
	leader.Shutdown()
	eventually.Succeeds(t, 3*time.Second, func(context.Context) error {
		if name := rest[0].MetaLeader(); name == "" || name == leader.Name() {
			return fmt.Errorf("%q leads", name)
		}
		return nil
	})
	publish(3 * time.Second)

	again := configs[slices.Index(servers, leader)]
	again.Name = ""
	back := start(t, again)
	if back.Name() != leader.Name() {
		t.Errorf("%s came back as %s", leader.Name(), back.Name())
	}
	ready(t, back)
	eventually.Succeeds(t, electionTime, func(ctx context.Context) error { return inSync(ctx, js, 3) })
	publish(electionTime)

	rest[1].Shutdown()
	publish(electionTime) // with the one that was away in its place
	info, err := streamInfo(t.Context(), js)
	if err != nil || info.State.Msgs < uint64(published) {
		t.Errorf("%d messages were acknowledged, the stream is %+v, %v", published, info, err)
	}
}

func streamInfo(ctx context.Context, js jetstream.JetStream) (*jetstream.StreamInfo, error) {
	s, err := js.Stream(ctx, "LOG")
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

// inSync reports whether the stream has so many replicas that are up to date.
func inSync(ctx context.Context, js jetstream.JetStream, replicas int) error {
	info, err := streamInfo(ctx, js)
	if err != nil {
		return err
	}
	if info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) != replicas-1 {
		return fmt.Errorf("cluster is %+v", info.Cluster)
	}
	for _, r := range info.Cluster.Replicas {
		if !r.Current || r.Offline {
			return fmt.Errorf("replica %+v", *r)
		}
	}
	return nil
}

func TestJetStreamIsNotReadyWithoutPeers(t *testing.T) {
	leakFree(t)
	alone := start(t, clusterConfigs(t, 3)[0])
	cause := errors.New("waited long enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, cause)
	defer cancel()
	if err := alone.JetStreamReady(ctx); !errors.Is(err, cause) {
		t.Errorf("want the context's cause, got %v", err)
	}
	if alone.MetaLeader() != "" {
		t.Errorf("%s leads a cluster of which it is a third", alone.MetaLeader())
	}
	waiting := make(chan error)
	go func() { waiting <- alone.JetStreamReady(t.Context()) }()
	alone.Shutdown()
	if err := <-waiting; !errors.Is(err, ErrFailed) {
		t.Errorf("a server that ends meanwhile: want ErrFailed, got %v", err)
	}
	single := start(t, Config{})
	if err := single.JetStreamReady(t.Context()); err != nil || single.ClusterAddr() != nil {
		t.Errorf("a server by itself: %v, cluster address %v", err, single.ClusterAddr())
	}
}

func TestSettingsOfAMember(t *testing.T) {
	leakFree(t)
	cfg := clusterConfigs(t, 2)[0]
	cfg.ClusterAdvertise, cfg.ClusterName = "member.example:7222", "east"
	s := start(t, cfg)
	o := options(cfg, s.store)
	// A silent route is dropped, and the server found to be apart, before a follower can stand for election.
	noticed := o.Cluster.PingInterval*time.Duration(o.Cluster.MaxPingsOut+1) + 2*peersEvery + apartAfter
	if noticed > 3100*time.Millisecond || !s.ns.JetStreamConfig().SyncAlways {
		t.Errorf("pings every %s, %d may be unanswered; JetStream %+v", o.Cluster.PingInterval, o.Cluster.MaxPingsOut, s.ns.JetStreamConfig())
	}
	if s.ns.ClusterName() != "east" || o.Cluster.Advertise != cfg.ClusterAdvertise {
		t.Errorf("cluster %q advertised as %q", s.ns.ClusterName(), o.Cluster.Advertise)
	}
}

func TestClusterPortInUse(t *testing.T) {
	leakFree(t)
	cfg := clusterConfigs(t, 3)[0].withDefaults()
	l, err := net.Listen("tcp", cfg.ClusterListen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for how, try := range map[string]func(context.Context, Config) (*Server, error){"tried first": Start, "found by the server": launch} {
		t.Run(how, func(t *testing.T) {
			if _, err := try(t.Context(), cfg); !errors.Is(err, ErrPortInUse) {
				t.Errorf("%s: want ErrPortInUse, got %v", how, err)
			}
		})
	}
	_, err = Start(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), cfg.ClusterListen) {
		t.Errorf("want an error that names %s, got %v", cfg.ClusterListen, err)
	}
	_ = l.Close()
	start(t, cfg)
}

func TestContextEndsWhileTheClusterListenerOpens(t *testing.T) {
	leakFree(t)
	cfg := clusterConfigs(t, 3)[0]
	for _, line := range []string{"Server is ready", "Cluster name is"} {
		ctx, cancel := context.WithCancel(t.Context())
		cfg.Log = zerolog.New(hook(func(l []byte) {
			if strings.Contains(string(l), line) {
				cancel()
			}
		}))
		if s, err := Start(ctx, cfg); err == nil {
			s.Shutdown() // it was faster
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("want context.Canceled, got %v", err)
		}
		cancel()
		if l, err := net.Listen("tcp", cfg.ClusterListen); err != nil {
			t.Errorf("after a start that ended at %q: %v", line, err)
		} else {
			_ = l.Close()
		}
	}
}

func TestValidateCluster(t *testing.T) {
	good := Config{Listen: ":4222", ClusterListen: ":6222", Routes: []string{"nats://h1:6222", "h2:6222", "[::1]:6222"}, StoreDir: "/d"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	with := func(change func(*Config)) Config {
		c := good
		change(&c)
		return c
	}
	for want, c := range map[string]Config{
		`cluster listen must be host:port such as 10.0.0.1:6222, got "6222"`:  with(func(c *Config) { c.ClusterListen = "6222" }),
		`cluster listen must have a port from 1 to 65535, got ":0"`:           with(func(c *Config) { c.ClusterListen = ":0" }),
		`listen and cluster listen must differ, got ":4222" twice`:            with(func(c *Config) { c.ClusterListen = ":4222" }),
		`cluster advertise must be host:port`:                                 with(func(c *Config) { c.ClusterAdvertise = ":6222" }),
		`cluster name must be 1 to 64 letters, digits, '_' or '-', got "a b"`: with(func(c *Config) { c.ClusterName = "a b" }),
		`needs listen`:                         with(func(c *Config) { c.Listen = "" }),
		`needs a store dir`:                    with(func(c *Config) { c.StoreDir = "" }),
		`needs 1 to 64 routes`:                 with(func(c *Config) { c.Routes = nil }),
		`got 65`:                               with(func(c *Config) { c.Routes = make([]string, 65) }),
		`got "nats://h1"`:                      with(func(c *Config) { c.Routes = []string{"nats://h1"} }),
		`got "tls://h1:6222"`:                  with(func(c *Config) { c.Routes = []string{"tls://h1:6222"} }),
		`got "nats://u:p@h1:6222"`:             with(func(c *Config) { c.Routes = []string{"nats://u:p@h1:6222"} }),
		`got "nats://h1:6222/x"`:               with(func(c *Config) { c.Routes = []string{"nats://h1:6222/x"} }),
		`got "nats://:6222"`:                   with(func(c *Config) { c.Routes = []string{"nats://:6222"} }),
		`got ""`:                               with(func(c *Config) { c.Routes = []string{""} }),
		`route "h1:6222" is there twice`:       with(func(c *Config) { c.Routes = []string{"nats://h1:6222/", "h1:6222"} }),
		`cluster advertise need a cluster lis`: {Routes: []string{"h:1"}},
		`routes, cluster name and`:             {ClusterName: "x"},
	} {
		t.Run(want, func(t *testing.T) {
			if err := c.Validate(); !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %s, got %v", want, err)
			}
		})
	}
	all := Config{ClusterListen: "x", ClusterAdvertise: "x", ClusterName: "*", Routes: []string{"x", "h:1", "h:1"}}.Validate()
	for _, part := range []string{"cluster listen must", "cluster advertise must", "cluster name must", "needs listen", "store dir", `got "x"`, "twice"} {
		if all == nil || !strings.Contains(all.Error(), part) {
			t.Errorf("want %q in %v", part, all)
		}
	}
}
