package harness

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// Group is the dispatchers of a [Lab], started and started again under their
// names. Its methods may be used concurrently, but for two about one name.
type Group struct {
	// Servers are the URLs of the NATS servers that clients may use.
	Servers []string
	// Taps are what stands between each dispatcher and the server, by its name, in a
	// tapped group.
	Taps map[string]*Tap

	lab   *Lab
	names []string
	args  map[string][]string

	mu sync.Mutex
	// binaries are what dispatchers are started from, by their names; none: from the lab's.
	binaries map[string]string
	running  map[string]*Process
	meta     string // the dispatcher whose server said last that it leads JetStream
}

// metaLeads is what an embedded server says, at level debug, when it begins to
// lead the servers' own group.
var metaLeads = []byte("Self is new JetStream cluster metadata leader")

// Names returns the dispatchers' names, d1 or n1 and so on.
func (g *Group) Names() []string { return slices.Clone(g.names) }

// add names a dispatcher and says what it is started with.
func (g *Group) add(name string, args ...string) {
	g.names = append(g.names, name)
	g.args[name] = args
}

// Deployment starts the dispatchers of a scenario, with further arguments.
type Deployment func(ctx context.Context, lab *Lab, args ...string) (*Group, error)

// Apart is the [Deployment] of [StartApart] without taps.
func Apart(n int) Deployment {
	return func(ctx context.Context, lab *Lab, args ...string) (*Group, error) {
		return StartApart(ctx, lab, n, false, args...)
	}
}

// Cluster is the [Deployment] of [StartCluster].
func Cluster(n int) Deployment {
	return func(ctx context.Context, lab *Lab, args ...string) (*Group, error) {
		return StartCluster(ctx, lab, n, args...)
	}
}

// StartApart starts one "ha server" and n dispatchers d1 to dn that are its
// clients, with these further arguments. tapped puts a [Tap] before each.
func StartApart(ctx context.Context, lab *Lab, n int, tapped bool, args ...string) (*Group, error) {
	addresses, err := process.FreeAddresses(ctx, 1)
	if err != nil {
		return nil, err
	}
	url := "nats://" + addresses[0]
	g := &Group{
		Servers: []string{url}, Taps: map[string]*Tap{}, lab: lab, args: map[string][]string{}, running: map[string]*Process{},
	}
	if _, err := lab.Start("server", nil, "server", "--listen", addresses[0], "--store", filepath.Join(lab.Dir, "server")); err != nil {
		return nil, err
	}
	for i := range n {
		name, server := fmt.Sprintf("d%d", i+1), url
		if tapped {
			tap, err := NewTap(ctx, addresses[0])
			if err != nil {
				g.Close()
				return nil, err
			}
			g.Taps[name], server = tap, tap.URL()
		}
		g.add(name, append([]string{"dispatcher", "--name", name, "--server", server}, args...)...)
	}
	return g.started()
}

// StartCluster starts n dispatchers n1 to nn, each with a server of one cluster
// in it, with these further arguments.
func StartCluster(ctx context.Context, lab *Lab, n int, args ...string) (*Group, error) {
	addresses, err := process.FreeAddresses(ctx, 2*n)
	if err != nil {
		return nil, err
	}
	hosts := make([]Host, n)
	for i := range hosts {
		hosts[i] = Host{Clients: addresses[i], Peers: addresses[n+i]}
	}
	return StartHosts(lab, hosts, args...)
}

// Host is a machine of its own, as far as the network tells.
type Host struct {
	// Clients and Peers are the addresses, host:port, of its server.
	Clients, Peers string
	// Enter is a program and its arguments that runs the command line behind them on the
	// host; none: it is this one.
	Enter []string
}

// StartHosts is [StartCluster] with each dispatcher on a host of its own.
func StartHosts(lab *Lab, hosts []Host, args ...string) (*Group, error) {
	g := &Group{lab: lab, args: map[string][]string{}, running: map[string]*Process{}}
	routes := make([]string, len(hosts))
	for i, h := range hosts {
		routes[i] = "nats://" + h.Peers
	}
	for i, h := range hosts {
		name := fmt.Sprintf("n%d", i+1)
		g.Servers = append(g.Servers, "nats://"+h.Clients)
		command := slices.Concat(h.Enter, []string{
			lab.Binary(), "dispatcher", "--name", name, "--store", filepath.Join(lab.Dir, name), "--listen", h.Clients,
			"--cluster-listen", h.Peers, "--routes", strings.Join(routes, ","), "--log-level", "debug",
		}, args)
		g.SetBinary(name, command[0])
		g.add(name, command[1:]...)
	}
	return g.started()
}

// started starts all dispatchers and returns g.
func (g *Group) started() (*Group, error) {
	for _, name := range g.names {
		if err := g.Start(name); err != nil {
			g.Close()
			return nil, err
		}
	}
	return g, nil
}

// Close ends the taps. The processes end with the Lab.
func (g *Group) Close() {
	for _, t := range g.Taps {
		t.Close()
	}
}

// Start starts the dispatcher of that name, again if it has ended.
func (g *Group) Start(name string) error {
	watch := func(_ time.Time, line []byte) {
		if bytes.Contains(line, metaLeads) {
			g.mu.Lock()
			g.meta = name
			g.mu.Unlock()
		}
	}
	g.mu.Lock()
	binary := g.binaries[name]
	g.mu.Unlock()
	p, err := g.lab.StartBinary(name, binary, watch, g.args[name]...)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[name] = p
	return nil
}

// SetBinary makes the dispatcher of that name begin with that binary when it is started
// the next time. An empty one is the lab's own.
func (g *Group) SetBinary(name, binary string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.binaries == nil {
		g.binaries = map[string]string{}
	}
	g.binaries[name] = binary
}

// Process returns the process of the dispatcher of that name, or nil if none
// was started.
func (g *Group) Process(name string) *Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running[name]
}

// MetaLeader returns the dispatcher whose server leads the servers' own group, as
// far as the logs tell, in a group started by [StartCluster].
func (g *Group) MetaLeader() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.meta
}

// Server returns the URL of the server in the dispatcher of that name, in a group
// started by [StartCluster].
func (g *Group) Server(name string) string {
	if i := slices.Index(g.names, name); i >= 0 && i < len(g.Servers) {
		return g.Servers[i]
	}
	return ""
}

// Ended returns an error that matches [ErrEnded] if the process of a dispatcher has ended.
func (g *Group) Ended() error {
	for _, name := range g.names {
		if p := g.Process(name); p != nil && !p.Running() {
			return p.Unexpected()
		}
	}
	return nil
}

// Complete returns nil if each dispatcher of the group leads or stands by, and
// has read the journal up to position at least.
func (g *Group) Complete(s subjects.Status, position uint64) error {
	for _, name := range g.names {
		if err := ready(s.Dispatchers, name, position); err != nil {
			return err
		}
	}
	return nil
}

func ready(list []subjects.Dispatcher, name string, position uint64) error {
	for _, d := range list {
		if d.Name != name {
			continue
		}
		if d.Role != "leader" && d.Role != "standby" || d.Position < position || d.Trouble != "" {
			return fmt.Errorf("%s is %q at position %d, %d is wanted, trouble %q", name, d.Role, d.Position, position, d.Trouble)
		}
		return nil
	}
	return fmt.Errorf("%s is not among the %d dispatchers", name, len(list))
}
