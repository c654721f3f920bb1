package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/subjects"
)

// tryFor bounds one request to a dispatcher that may not be there yet.
const tryFor = 500 * time.Millisecond

// BuildHA builds the command into the lab, in the module that it is part of: this one
// has not what it needs. It is to be called from the folder of this module.
func BuildHA(ctx context.Context, l *lab.Lab) (string, error) {
	binary := filepath.Join(l.Dir, "ha")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/ha") // #nosec G204 -- into our own directory
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ha: %w\n%s", err, out)
	}
	return binary, nil
}

// HAVersion asks the command.
func HAVersion(ctx context.Context, binary string) string { return firstLine(ctx, binary, "version") }

// HA is one deployment: one dispatcher or three, each with a NATS server in it. It
// may be started again over what it has stored.
type HA struct {
	lab   *lab.Lab
	path  string
	nodes [][]string // arguments of each dispatcher
	urls  []string
	// Store is the directory of the first dispatcher's NATS server.
	Store string
}

// NewHA lays out a deployment of that many dispatchers with empty stores. The
// further arguments go to each of them.
func NewHA(ctx context.Context, l *lab.Lab, binary string, dispatchers int, more ...string) (*HA, error) {
	h := &HA{lab: l, path: binary}
	var routes []string
	var clusterPorts []int
	for range dispatchers {
		store, err := l.Folder("ha")
		if err != nil {
			return nil, err
		}
		port, err := lab.Port(ctx)
		if err != nil {
			return nil, err
		}
		clusterPort, err := lab.Port(ctx)
		if err != nil {
			return nil, err
		}
		h.urls = append(h.urls, fmt.Sprintf("nats://127.0.0.1:%d", port))
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", clusterPort))
		clusterPorts = append(clusterPorts, clusterPort)
		h.nodes = append(h.nodes, append([]string{
			"dispatcher", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--store", store, "--log-level", "warn",
		}, more...))
		if h.Store == "" {
			h.Store = store
		}
	}
	if dispatchers > 1 {
		for n := range h.nodes {
			h.nodes[n] = append(h.nodes[n], "--name", fmt.Sprintf("n%d", n+1),
				"--cluster-listen", fmt.Sprintf("127.0.0.1:%d", clusterPorts[n]), "--routes", strings.Join(routes, ","))
		}
	}
	return h, nil
}

// Start starts the dispatchers and waits until each of them can reach the one that
// leads, that one has as many pending tasks, and the journal all of its copies.
func (h *HA) Start(ctx context.Context, pending int) (*Instance, error) {
	i := &Instance{URL: strings.Join(h.urls, ",")}
	for n, args := range h.nodes {
		process, err := h.lab.Start(ctx, lab.Spec{Name: fmt.Sprintf("dispatcher %d", n+1), Path: h.path, Args: args})
		if err != nil {
			return nil, err
		}
		i.Processes = append(i.Processes, process)
	}
	for n, process := range i.Processes {
		err := process.Await(ctx, "a dispatcher that leads", readyWithin, func(ctx context.Context) error {
			report, err := Stats(ctx, h.urls[n])
			if err == nil && report.Tasks[ha.TaskPending] != pending {
				err = fmt.Errorf("%d tasks are pending, not %d", report.Tasks[ha.TaskPending], pending)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if copies := len(h.urls); copies > 1 {
		return i, i.Processes[0].Await(ctx, "the copies of the journal", readyWithin, func(context.Context) error {
			return replicated(h.urls[0], copies)
		})
	}
	return i, nil
}

// replicated fails where the journal has not that many copies that are up to date.
func replicated(url string, copies int) error {
	nc, err := nats.Connect(url, nats.Timeout(tryFor), nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	js, err := nc.JetStream(nats.MaxWait(tryFor))
	if err != nil {
		return err
	}
	info, err := js.StreamInfo("HA-ha")
	if err != nil {
		return fmt.Errorf("look at the journal: %w", err)
	}
	current := 1 // its leader, who answered
	for _, replica := range info.Cluster.Replicas {
		if replica.Current && !replica.Offline {
			current++
		}
	}
	if current != copies {
		return fmt.Errorf("the journal has %d current copies, not %d", current, copies)
	}
	return nil
}

// Stats asks whoever leads. It makes a connection of its own, since one that exists
// might still wait before it connects again.
func Stats(ctx context.Context, url string) (subjects.TaskReport, error) {
	var report subjects.TaskReport
	nc, err := nats.Connect(url, nats.Timeout(tryFor), nats.NoReconnect())
	if err != nil {
		return report, fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	names, err := subjects.NewNames("")
	if err != nil {
		return report, err
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	answer, err := nc.RequestWithContext(ctx, names.Task(subjects.TaskStats), []byte("{}"))
	if err != nil {
		return report, fmt.Errorf("ask for the counts: %w", err)
	}
	if problem := answer.Header.Get("Nats-Service-Error"); problem != "" {
		return report, errors.New("ask for the counts: " + problem)
	}
	if err := json.Unmarshal(answer.Data, &report); err != nil {
		return report, fmt.Errorf("ask for the counts: %w", err)
	}
	return report, nil
}
