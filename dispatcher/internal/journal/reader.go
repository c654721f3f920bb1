package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrAbsent says that there is no journal in JetStream below the prefix asked for.
var ErrAbsent = errors.New("no journal")

// Reader reads the stream of a journal as it is, and never writes, creates,
// repairs or cleans anything. It decodes nothing, so it shows what is damaged too.
// Its methods may be used concurrently.
type Reader struct {
	js     jetstream.JetStream
	stream string
}

// Stored is one message of the stream.
type Stored struct {
	Seq  uint64
	At   time.Time // when the server stored it
	Data []byte    // an entry, as [AppendEntry] wrote it, unless it is damaged
}

// OpenReader returns a reader of the journal below a valid prefix. nc stays the
// caller's to close. The error matches [ErrAbsent] if there is none.
func OpenReader(ctx context.Context, nc *nats.Conn, prefix string) (*Reader, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	r := &Reader{js: js, stream: StreamName(prefix)}
	_, err = r.State(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("inspect journal: stream %s does not exist below prefix %s: no dispatcher has kept a journal in JetStream there"+
			" (one that keeps it in memory cannot be inspected): %w", r.stream, prefix, ErrAbsent)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("inspect journal: the NATS server has no JetStream, or not for this account: %w: %w", ErrAbsent, err)
	case err != nil:
		return nil, fmt.Errorf("inspect journal: stream %s: %w", r.stream, err)
	}
	return r, nil
}

// Stream returns the name of the stream that holds the journal.
func (r *Reader) Stream() string { return r.stream }

// State describes the stream. If it has no entries, FirstSeq is one more than LastSeq.
func (r *Reader) State(ctx context.Context) (jetstream.StreamState, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	s, err := r.js.Stream(ctx, r.stream)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		state.FirstSeq = state.LastSeq + 1
	}
	return state, nil
}

// Read calls fn for each message from the sequence from to the sequence to or, if
// to is 0, without end. If a message is missing, the next one follows. It ends with
// the error of fn, as it is, or with ctx, whose cause it returns. An entry that must
// be there is waited for for 10 s: an election of the stream's leader takes up to 9 s.
func (r *Reader) Read(ctx context.Context, from, to uint64, fn func(Stored) error) error {
	setup, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	consumer, err := r.js.OrderedConsumer(setup, r.stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1), InactiveThreshold: time.Minute,
	})
	if err != nil {
		return fmt.Errorf("read journal %s: %w", r.stream, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read journal %s: %w", r.stream, err)
	}
	defer r.deleteConsumer(consumer)
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		s, err := r.next(ctx, messages, to)
		if err != nil {
			return fmt.Errorf("read journal %s: %w", r.stream, err)
		}
		if to > 0 && s.Seq > to { // the last one is missing
			return nil
		}
		if err := fn(s); err != nil || s.Seq == to {
			return err
		}
	}
}

// next waits for the next message: for as long as it takes if to is 0.
func (r *Reader) next(ctx context.Context, messages jetstream.MessagesContext, to uint64) (Stored, error) {
	var limit []jetstream.NextOpt
	if to > 0 {
		limit = append(limit, jetstream.NextMaxWait(requestLimit))
	}
	m, err := messages.Next(limit...)
	if ctx.Err() != nil {
		return Stored{}, context.Cause(ctx)
	}
	if errors.Is(err, nats.ErrTimeout) {
		return Stored{}, fmt.Errorf("nothing more came within %s, although it ends at entry %d: %w", requestLimit, to, err)
	}
	if err != nil {
		return Stored{}, err
	}
	meta, err := m.Metadata()
	if err != nil {
		return Stored{}, err
	}
	return Stored{Seq: meta.Sequence.Stream, At: meta.Timestamp.UTC(), Data: m.Data()}, nil
}

// deleteConsumer removes the consumer, which the server would do by itself after a
// minute. It does not depend on the reader's context, which has ended as a rule.
func (r *Reader) deleteConsumer(c jetstream.Consumer) {
	info := c.CachedInfo()
	if info == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.js.DeleteConsumer(ctx, r.stream, info.Name) // see above
}
