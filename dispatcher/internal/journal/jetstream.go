package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// ErrReplaced says that the stream is not the one that was opened, or ends
// before what was read from it: it was deleted, or restored from an old backup,
// under a running dispatcher. What this process knows has no place in it.
var ErrReplaced = errors.New("journal: the stream was replaced by another one")

// JetStreamConfig says where a journal is and how it is kept.
type JetStreamConfig struct {
	// Prefix is that of the dispatchers' subjects; validated by the caller.
	// Dispatchers with the same prefix share one journal.
	Prefix string
	// Replicas is how many servers keep the journal, 1 to 5. 0: three if the
	// cluster has as many, and one otherwise.
	Replicas int
	// Logger receives what an operator should know. The zero logger writes nothing.
	Logger zerolog.Logger
}

// JetStream is a [Log] in a stream of NATS. The stream's own leader decides on
// every append, by the sequence of the last entry; nothing is decided on what a
// replica says. Its methods may be used concurrently.
type JetStream struct {
	nc      *nats.Conn
	cfg     JetStreamConfig
	stream  string
	subject string
	created time.Time // tells the stream from another one of the same name

	shrunkPatience time.Duration // see follower.position

	bodies sync.Pool // of *[]byte: entries on their way, whose memory is used again
}

// OpenJetStream opens the journal, and creates its stream if there is none. A
// stream whose settings could lose or admit entries is repaired, or refused
// with [ErrUnsafeStream] if that is not possible. It does not close nc. Call
// [Usable] before.
//
// Errors match [ErrUnhealthy] if JetStream cannot be reached now; trying again
// later is safe.
func OpenJetStream(ctx context.Context, nc *nats.Conn, cfg JetStreamConfig) (*JetStream, error) {
	if cfg.Replicas < 0 || cfg.Replicas > 5 {
		return nil, fmt.Errorf("open journal: replicas must be from 0 (automatic) to 5, got %d", cfg.Replicas)
	}
	j := &JetStream{
		nc:             nc,
		cfg:            cfg,
		stream:         StreamName(cfg.Prefix),
		subject:        "_HA." + cfg.Prefix + ".journal",
		shrunkPatience: 15 * time.Second,
	}
	info, err := j.findOrCreate(ctx)
	if err == nil {
		err = j.makeSafe(ctx, info)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", j.stream, err)
	}
	j.created = info.Created
	return j, nil
}

// StreamName names the stream of the journal below a valid prefix.
func StreamName(prefix string) string { return "HA-" + strings.ReplaceAll(prefix, ".", "_") }

// Stream returns the name of the stream the journal is in.
func (j *JetStream) Stream() string { return j.stream }

// MaxData returns how many bytes of [Entry.Data] an append may carry. It depends
// on the server that the client is connected to.
func (j *JetStream) MaxData() int {
	const rest = 1 << 10 // headers, and the entry's other fields with a node's name of 64 bytes
	return max(0, int(j.nc.MaxPayload())-rest)
}

// Append implements [Log]. It is one publish, and never sends anything twice.
// If an earlier append of the same entry has passed it returns the sequence
// of that one, or [ErrConflict]: which of the two depends on the server.
func (j *JetStream) Append(ctx context.Context, after uint64, e Entry) (uint64, error) {
	m := &nats.Msg{
		Subject: j.subject,
		Header: nats.Header{
			"Nats-Expected-Stream":        {j.stream},
			"Nats-Expected-Last-Sequence": {strconv.FormatUint(after, 10)},
			// With the predecessor, so that an entry that goes behind foreign ones is no duplicate
			// of an attempt that was refused.
			"Nats-Msg-Id": {e.ID() + "-" + strconv.FormatUint(after, 10)},
		},
	}
	body, _ := j.bodies.Get().(*[]byte)
	if body == nil {
		body = new([]byte)
	}
	defer j.bodies.Put(body) // the NATS client has copied it by then, whatever came of it
	*body = AppendEntry((*body)[:0], e)
	m.Data = *body
	var ack pubAck
	err := exchange(ctx, j.nc, m, &ack)
	switch {
	case hasCode(err, codeWrongLast, codeWrongLastInBatch):
		return 0, fmt.Errorf("append after %d: %w: %w", after, ErrConflict, err)
	case err != nil:
		return 0, fmt.Errorf("append after %d: %w", after, err)
	case ack.Duplicate && ack.Seq != after+1:
		return 0, fmt.Errorf("append after %d: it is entry %d already: %w", after, ack.Seq, ErrConflict)
	case ack.Stream != j.stream || ack.Seq != after+1:
		return 0, fmt.Errorf("append after %d: acknowledged as entry %d of stream %q: %w", after, ack.Seq, ack.Stream, ErrReplaced)
	}
	return ack.Seq, nil
}

// Bounds implements [Log]. The error matches [ErrReplaced] if the stream is
// not the one that was opened.
func (j *JetStream) Bounds(ctx context.Context) (first, last uint64, err error) {
	info, err := j.info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("bounds of journal: %w", err)
	}
	first, last = info.bounds()
	return first, last, nil
}

// Get implements [Log].
func (j *JetStream) Get(ctx context.Context, seq uint64) (Entry, error) {
	if seq == 0 { // to the server that means no sequence at all
		return Entry{}, fmt.Errorf("get entry 0: %w", ErrGap)
	}
	var got storedEntry
	err := call(ctx, j.nc, apiStreamGet+j.stream, map[string]uint64{"seq": seq}, &got)
	switch {
	case hasCode(err, codeNoMessage):
		return Entry{}, fmt.Errorf("get entry %d: %w", seq, ErrGap)
	case err != nil:
		return Entry{}, fmt.Errorf("get entry %d: %w", seq, err)
	}
	return ReadEntry(got.Message.Seq, got.Message.Data)
}

// Purge implements [Log]. The last entry stays in any case: a stream without
// entries knows its last sequence from one small file only, which servers
// before 2.14 could lose when killed.
func (j *JetStream) Purge(ctx context.Context, before uint64) error {
	first, last, err := j.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	before = min(before, last)
	if before <= first {
		return nil
	}
	if err := call(ctx, j.nc, apiStreamPurge+j.stream, map[string]uint64{"seq": before}, &emptyReply{}); err != nil {
		return fmt.Errorf("purge journal before %d: %w", before, err)
	}
	return nil
}

// Size implements [Log]: the bytes of one replica.
func (j *JetStream) Size(ctx context.Context) (uint64, error) {
	info, err := j.info(ctx)
	if err != nil {
		return 0, fmt.Errorf("size of journal: %w", err)
	}
	return info.State.Bytes, nil
}

// Name implements [Log].
func (j *JetStream) Name() string { return "jetstream" }

// EpochFloor implements [Log]: epochs rise in the log itself.
func (j *JetStream) EpochFloor() uint64 { return 0 }
