package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/subjects"
)

// ErrNoJournal says that there is no journal in JetStream below the prefix asked for.
var ErrNoJournal = errors.New("no journal")

// inspectLimit bounds the wait for an entry that is known to be there, and for
// one answer of JetStream. An election of the stream's leader takes up to 9 s.
const inspectLimit = 10 * time.Second

// Inspector reads the journal of the dispatchers below one prefix. It never
// writes, creates, repairs or cleans anything, and disturbs no dispatcher. Its
// methods may be used concurrently.
type Inspector struct {
	js     jetstream.JetStream
	stream string
}

// OpenInspector returns an inspector of the journal below prefix, which is as
// [subjects.NewNames] wants it. nc stays the caller's to close. The error
// matches [ErrNoJournal] where there is none, and [ha.ErrInvalid] where the
// prefix is malformed.
func OpenInspector(ctx context.Context, nc *nats.Conn, prefix string) (*Inspector, error) {
	names, err := subjects.NewNames(prefix)
	if err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	i := &Inspector{js: js, stream: journal.StreamName(names.Prefix())}
	_, err = i.info(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("inspect journal: stream %s does not exist below prefix %s: no dispatcher has kept a journal in JetStream there"+
			" (one that keeps it in memory cannot be inspected): %w", i.stream, names.Prefix(), ErrNoJournal)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("inspect journal: the NATS server has no JetStream, or not for this account: %w: %w", ErrNoJournal, err)
	case err != nil:
		return nil, fmt.Errorf("inspect journal: stream %s: %w", i.stream, err)
	}
	return i, nil
}

// Stream returns the name of the stream that holds the journal.
func (i *Inspector) Stream() string { return i.stream }

// Bounds returns the sequences of the first and the last entry; the first is
// one more than the last where there is none.
func (i *Inspector) Bounds(ctx context.Context) (first, last uint64, err error) {
	state, err := i.info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("bounds of journal %s: %w", i.stream, err)
	}
	return state.FirstSeq, state.LastSeq, nil
}

func (i *Inspector) info(ctx context.Context) (jetstream.StreamState, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	s, err := i.js.Stream(ctx, i.stream)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		state.FirstSeq = state.LastSeq + 1
	}
	return state, nil
}

// Records calls fn for each record of the journal from the entry with sequence
// from on, in order: one call for each entry that holds no record. Where
// entries from there on were cleaned away, it begins with the first that is left. It
// returns nil at what was the journal's end when it was called or, with follow,
// goes on until ctx ends, and then returns its cause. An error of fn ends it and
// is returned as it is. What cannot be decoded is shown as such and does not end it.
func (i *Inspector) Records(ctx context.Context, from uint64, follow bool, fn func(JournalRecord) error) error {
	first, last, err := i.Bounds(ctx)
	if err != nil {
		return err
	}
	if follow {
		last = 0
	} else if first > last || from > last {
		return nil
	}
	return i.read(ctx, max(first, from), last, func(s stored) error { return s.records(fn) })
}

// stored is one message of the journal's stream.
type stored struct {
	seq  uint64
	at   time.Time // when the server stored it
	data []byte
}

// read calls fn for each message from the sequence from to the sequence to, or
// without end where to is 0. Where a message is missing, the next one follows.
func (i *Inspector) read(ctx context.Context, from, to uint64, fn func(stored) error) error {
	setup, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	consumer, err := i.js.OrderedConsumer(setup, i.stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1), InactiveThreshold: time.Minute,
	})
	if err != nil {
		return fmt.Errorf("read journal %s: %w", i.stream, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read journal %s: %w", i.stream, err)
	}
	defer i.forget(consumer)
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	var limit []jetstream.NextOpt
	if to > 0 {
		limit = append(limit, jetstream.NextMaxWait(inspectLimit))
	}
	for {
		m, err := messages.Next(limit...)
		if ctx.Err() != nil {
			return fmt.Errorf("read journal %s: %w", i.stream, context.Cause(ctx))
		}
		if errors.Is(err, nats.ErrTimeout) {
			return fmt.Errorf("read journal %s: nothing more came within %s, although it ends at entry %d: %w", i.stream, inspectLimit, to, err)
		}
		if err != nil {
			return fmt.Errorf("read journal %s: %w", i.stream, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read journal %s: %w", i.stream, err)
		}
		seq := meta.Sequence.Stream
		if to > 0 && seq > to { // it was the last one, and is missing
			return nil
		}
		if err := fn(stored{seq: seq, at: meta.Timestamp.UTC(), data: m.Data()}); err != nil || seq == to {
			return err
		}
	}
}

// forget removes the consumer, which the server would do by itself after a
// minute. It does not depend on the reader's context, which has ended as a rule.
func (i *Inspector) forget(c jetstream.Consumer) {
	info := c.CachedInfo()
	if info == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = i.js.DeleteConsumer(ctx, i.stream, info.Name) // see above
}

// JournalRecord is one record of the journal in words, or an entry that holds
// none. Its JSON is one flat object: seq, index, epoch, node, kind, record, the
// record's own fields, at.
type JournalRecord struct {
	// Seq is the sequence of the entry, Index the record's place in it, from 0.
	Seq   uint64
	Index int
	// Epoch and Node are the writer's.
	Epoch ha.Epoch
	Node  string
	// Kind is "claim", "batch", "abdication", or "unreadable" where the entry cannot be decoded.
	Kind string
	// Record is what changed, such as "registered"; empty for an entry without
	// records, which is a renewal of the lease if it is a batch.
	Record string
	// Fields is what the record says, to be encoded as a JSON object; nil: nothing.
	Fields any
	// At is the record's own time, or that at which the entry was stored.
	At time.Time
	// Problem says why the entry, or its records from Index on, cannot be decoded.
	Problem string
}

// Renewal tells whether the entry only renews the lease.
func (r JournalRecord) Renewal() bool {
	return r.Kind == kindBatch && r.Record == "" && r.Problem == ""
}
