package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// askTimeout bounds one request.
const askTimeout = time.Second

// connect returns a connection that goes on trying for as long as it is open. It
// is to one of the URLs at a time; alone: to no other, even if told of one. more is
// applied last.
func connect(name string, urls []string, alone bool, more ...nats.Option) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("ha proof " + name),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(50*time.Millisecond, 50*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.Timeout(2 * time.Second),
	}
	if alone {
		options = append(options, nats.IgnoreDiscoveredServers())
	}
	nc, err := nats.Connect(strings.Join(urls, ","), append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", name, err)
	}
	return nc, nil
}

// refusal is a request that was answered by a no.
type refusal struct{ status, message string }

func (r *refusal) Error() string { return "refused with " + r.status + ": " + r.message }

// ask sends one request and decodes the answer into reply, unless that is nil.
func ask(ctx context.Context, nc *nats.Conn, subject string, request, reply any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	msg, err := nc.RequestWithContext(limit, subject, body)
	if err != nil {
		return fmt.Errorf("ask %s: %w", subject, err)
	}
	if status := msg.Header.Get(subjects.HeaderErrorCode); status != "" {
		return fmt.Errorf("ask %s: %w", subject, &refusal{status, msg.Header.Get(subjects.HeaderError)})
	}
	if reply == nil {
		return nil
	}
	if err := json.Unmarshal(msg.Data, reply); err != nil {
		return fmt.Errorf("ask %s: %w", subject, err)
	}
	return nil
}
