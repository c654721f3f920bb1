package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The subjects of JetStream's API used here. The stream's leader answers all of
// STREAM.INFO, STREAM.MSG.GET and STREAM.PURGE itself.
const (
	apiAccount        = "$JS.API.INFO"
	apiStreamCreate   = "$JS.API.STREAM.CREATE."
	apiStreamUpdate   = "$JS.API.STREAM.UPDATE."
	apiStreamInfo     = "$JS.API.STREAM.INFO."
	apiStreamPurge    = "$JS.API.STREAM.PURGE."
	apiStreamGet      = "$JS.API.STREAM.MSG.GET."
	apiConsumerCreate = "$JS.API.CONSUMER.CREATE."
	apiConsumerDelete = "$JS.API.CONSUMER.DELETE."
)

// requestLimit bounds the wait for one reply if the caller's context does
// not. It exceeds JetStream's longest election on its own, 9 s.
const requestLimit = 10 * time.Second

// reply is what the API answers a request with. Each one embeds [outcome].
type reply interface{ fault() *apiError }

type outcome struct {
	Fault *apiError `json:"error,omitempty"`
}

func (o outcome) fault() *apiError { return o.Fault }

// emptyReply is a reply of which only the outcome matters.
type emptyReply struct{ outcome }

// streamInfo keeps the configuration as it came, because a stream may have
// settings of a server newer than this client, and an update must not drop them.
type streamInfo struct {
	outcome
	RawConfig json.RawMessage        `json:"config"`
	Created   time.Time              `json:"created"`
	State     jetstream.StreamState  `json:"state"`
	Cluster   *jetstream.ClusterInfo `json:"cluster"`

	config jetstream.StreamConfig
}

// bounds are first and last as [Log] defines them.
func (i *streamInfo) bounds() (first, last uint64) {
	if i.State.Msgs == 0 {
		return i.State.LastSeq + 1, i.State.LastSeq
	}
	return i.State.FirstSeq, i.State.LastSeq
}

type storedEntry struct {
	outcome
	Message struct {
		Seq  uint64 `json:"seq"`
		Data []byte `json:"data"`
	} `json:"message"`
}

// pubAck is the reply to a publish.
type pubAck struct {
	outcome
	Stream    string `json:"stream"`
	Seq       uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
}

// call asks the API and reads its reply. Errors are diagnosed.
func call(ctx context.Context, nc *nats.Conn, subject string, request any, into reply) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	return exchange(ctx, nc, &nats.Msg{Subject: subject, Data: body}, into)
}

// exchange sends m and reads the reply. Errors are diagnosed.
func exchange(ctx context.Context, nc *nats.Conn, m *nats.Msg, into reply) error {
	limited, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	reply, err := nc.RequestMsgWithContext(limited, m)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return diagnose(err)
	}
	if err := json.Unmarshal(reply.Data, into); err != nil {
		return fmt.Errorf("answer on %s is not what was expected: %w", m.Subject, err)
	}
	if fault := into.fault(); fault != nil {
		return diagnose(fault)
	}
	return nil
}
