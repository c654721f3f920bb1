package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// Observer listens to all that is said below the prefix, at each of the servers,
// and asks questions. Its methods may be used concurrently.
type Observer struct {
	conns  []*nats.Conn
	ledger *Ledger

	mu     sync.Mutex
	behind []string
}

// Observe connects to every server and writes what the dispatchers send into
// ledger. Without one it listens to nothing, and only asks. more is applied to each connection.
func Observe(servers []string, ledger *Ledger, more ...nats.Option) (*Observer, error) {
	o := &Observer{ledger: ledger}
	for _, server := range servers {
		nc, err := connect("observer", []string{server}, true, more...)
		if err != nil {
			o.Close()
			return nil, err
		}
		o.conns = append(o.conns, nc)
		if ledger == nil {
			continue
		}
		var highest uint64 // owned by the callback
		if _, err := nc.Subscribe("ha.>", func(m *nats.Msg) { o.hear(m, &highest) }); err != nil {
			o.Close()
			return nil, fmt.Errorf("observe: %w", err)
		}
	}
	return o, nil
}

// Close ends it.
func (o *Observer) Close() {
	for _, nc := range o.conns {
		nc.Close()
	}
}

// hear takes orders and events, which tell the epoch they belong to.
func (o *Observer) hear(m *nats.Msg, highest *uint64) {
	order := strings.HasPrefix(m.Subject, "ha.activate")
	if !order && !strings.HasPrefix(m.Subject, "ha.event.") {
		return
	}
	var said subjects.Activate // of an event the epoch alone
	if json.Unmarshal(m.Data, &said) != nil {
		return
	}
	epoch := uint64(said.Epoch)
	if epoch < *highest {
		o.mu.Lock()
		o.behind = append(o.behind, fmt.Sprintf("%s of epoch %d after one of %d", m.Subject, epoch, *highest))
		o.mu.Unlock()
	}
	*highest = max(*highest, epoch)
	if order && said.Order == subjects.OrderActivate {
		for _, w := range said.Work {
			o.ledger.Sent(string(w.Activation), epoch)
		}
	}
}

// Behind returns the orders and events that came after one of a later epoch,
// which can happen without harm only if two servers pass them on.
func (o *Observer) Behind() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.behind
}

// AllConnected returns nil if every server is connected to.
func (o *Observer) AllConnected() error {
	for _, nc := range o.conns {
		if !nc.IsConnected() {
			return fmt.Errorf("not connected to %s: %w", nc.Servers()[0], nats.ErrDisconnected)
		}
	}
	return nil
}

// Conn returns a connection to a server that is there.
func (o *Observer) Conn() (*nats.Conn, error) {
	for _, nc := range o.conns {
		if nc.IsConnected() {
			return nc, nil
		}
	}
	return nil, fmt.Errorf("observer: %w", nats.ErrDisconnected)
}

// ServerName returns the name of the server with that URL.
func (o *Observer) ServerName(url string) (string, error) {
	for _, nc := range o.conns {
		if nc.Servers()[0] == url && nc.IsConnected() {
			return nc.ConnectedServerName(), nil
		}
	}
	return "", fmt.Errorf("name of the server at %s: %w", url, nats.ErrDisconnected)
}

// Ask sends one request by a connection that is there.
func (o *Observer) Ask(ctx context.Context, subject string, request, reply any) error {
	nc, err := o.Conn()
	if err != nil {
		return err
	}
	return ask(ctx, nc, subject, request, reply)
}

// Status asks for the report of the whole.
func (o *Observer) Status(ctx context.Context) (s subjects.Status, err error) {
	err = o.Ask(ctx, "ha.status", struct{}{}, &s)
	if err == nil && s.Leader.Name == "" {
		err = errors.New("the status names no leader")
	}
	return s, err
}

// Whole returns nil if each dispatcher of the group leads or stands by, having read
// the journal up to position at least, and each server of a cluster has all of it.
func (o *Observer) Whole(ctx context.Context, g *Group, position uint64) error {
	status, err := o.Status(ctx)
	if err == nil {
		err = g.Complete(status, position)
	}
	if err != nil || len(g.Servers) == 1 {
		return err
	}
	return o.replicated(ctx, len(g.Servers))
}

// replicated returns nil if each of so many servers can be reached and has all of the journal.
func (o *Observer) replicated(ctx context.Context, servers int) error {
	if err := o.AllConnected(); err != nil {
		return err
	}
	r, err := o.Replicas(ctx)
	if err != nil {
		return err
	}
	if r.Leader == "" || len(r.Behind) > 0 || len(r.Current) != servers-1 {
		return fmt.Errorf("the stream's leader is %q, up to date are %q and not %q", r.Leader, r.Current, r.Behind)
	}
	return nil
}

// Workers asks for the list of workers.
func (o *Observer) Workers(ctx context.Context) ([]subjects.WorkerInfo, error) {
	var list subjects.Workers
	err := o.Ask(ctx, "ha.workers", struct{}{}, &list)
	return list.Workers, err
}
