package harness

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/process"
)

// Connect returns a connection for a client of the dispatchers. It goes on trying
// for as long as it is open; the caller closes it. more is applied last.
func Connect(name string, servers []string, more ...nats.Option) (*nats.Conn, error) {
	return connect(name, servers, false, more...)
}

// CallOutcome is what a client knows of the effect of a request.
type CallOutcome int

// The outcomes.
const (
	// Unknown: it may have had its effect, may have it later, or never.
	Unknown CallOutcome = iota
	// Granted: it had its effect before the reply came.
	Granted
	// Refused: it has none; the error tells why.
	Refused
	// NoResponders: no dispatcher took it, so it never has any.
	NoResponders
)

// Call sends one request, waits at most a second, and decodes what comes back into
// reply, unless that is nil. status is that of a refusal, such as "404".
func Call(ctx context.Context, nc *nats.Conn, subject string, request, reply any) (outcome CallOutcome, status string, err error) {
	err = ask(ctx, nc, subject, request, reply)
	var refused *refusal
	switch {
	case err == nil:
		return Granted, "", nil
	case errors.As(err, &refused):
		return Refused, refused.status, err
	case errors.Is(err, nats.ErrNoResponders):
		return NoResponders, "", err
	}
	return Unknown, "", err
}

// StartAlone starts one dispatcher d1 with a server and its store embedded, and
// these further arguments.
func StartAlone(ctx context.Context, lab *Lab, args ...string) (*Group, error) {
	addresses, err := process.FreeAddresses(ctx, 1)
	if err != nil {
		return nil, err
	}
	g := &Group{
		Servers: []string{"nats://" + addresses[0]}, lab: lab, args: map[string][]string{}, running: map[string]*Process{},
	}
	g.add("d1", append([]string{
		"dispatcher", "--name", "d1", "--listen", addresses[0], "--store", filepath.Join(lab.Dir, "d1"),
	}, args...)...)
	return g.started()
}
