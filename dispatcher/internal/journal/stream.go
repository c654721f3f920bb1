package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnsafeStream refuses a stream with settings that the journal cannot trust
// and that cannot be changed any more.
var ErrUnsafeStream = errors.New("journal: unsafe stream")

const (
	// autoReplicas is how many servers keep the journal if the cluster allows it.
	autoReplicas = 3
	// duplicates is how long the stream remembers the names of appends. It must
	// outlast the repeats of one append, which end with the lease, and not be much
	// longer: the server holds about 200 bytes for each append in the window.
	duplicates = 30 * time.Second
)

// settings are those of the stream that the journal depends on.
func (j *JetStream) settings(replicas int) map[string]any {
	return map[string]any{
		"name":                 j.stream,
		"description":          "journal of the ha dispatchers; do not edit",
		"subjects":             []string{j.subject},
		"retention":            "limits",
		"storage":              "file",
		"discard":              "old", // without limits nothing is discarded
		"max_msgs":             -1,
		"max_msgs_per_subject": -1,
		"max_bytes":            -1,
		"max_age":              0,
		"max_msg_size":         -1,
		"max_consumers":        -1,
		"duplicate_window":     duplicates.Nanoseconds(),
		"num_replicas":         replicas,
		"allow_direct":         false,
	}
}

// info asks the stream's leader. The error matches [ErrReplaced] if the stream
// is not the one that was opened.
func (j *JetStream) info(ctx context.Context) (*streamInfo, error) {
	var info streamInfo
	if err := call(ctx, j.nc, apiStreamInfo+j.stream, nil, &info); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(info.RawConfig, &info.config); err != nil {
		return nil, fmt.Errorf("read the configuration of stream %s: %w", j.stream, err)
	}
	if !j.created.IsZero() && !info.Created.Equal(j.created) {
		return nil, fmt.Errorf("stream %s was created at %s, the one opened at %s: %w", j.stream,
			info.Created.Format(time.RFC3339), j.created.Format(time.RFC3339), ErrReplaced)
	}
	return &info, nil
}

// findOrCreate returns the stream as it is. Of several dispatchers that create
// it at once with different replicas one wins, and the others find it.
func (j *JetStream) findOrCreate(ctx context.Context) (*streamInfo, error) {
	info, err := j.info(ctx)
	if !hasCode(err, codeNoStream) {
		return info, err
	}
	want := j.wanted()
	err = j.create(ctx, want)
	if want > 1 && hasCode(err, codeNoReplicas, codeNoPeers) {
		j.cfg.Logger.Info().Str("stream", j.stream).Int("wanted", want).AnErr("reason", err).
			Msg("not enough servers for the journal's replicas yet, one for now")
		err = j.create(ctx, 1)
	}
	if err != nil && !hasCode(err, codeNameTaken) {
		return nil, fmt.Errorf("create stream: %w", err)
	}
	return j.info(ctx)
}

func (j *JetStream) create(ctx context.Context, replicas int) error {
	return call(ctx, j.nc, apiStreamCreate+j.stream, j.settings(replicas), &emptyReply{})
}

func (j *JetStream) wanted() int {
	if j.cfg.Replicas == 0 {
		return autoReplicas
	}
	return j.cfg.Replicas
}

// makeSafe checks the settings of a stream that may have been created or edited
// by somebody else.
func (j *JetStream) makeSafe(ctx context.Context, info *streamInfo) error {
	if flaws := j.flaws(info.config); len(flaws) > 0 {
		return fmt.Errorf("%w: %s; back its entries up if they matter, delete the stream and start again",
			ErrUnsafeStream, strings.Join(flaws, "; "))
	}
	wrong := repairable(info.config)
	if len(wrong) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(wrong))
	j.cfg.Logger.Warn().Str("stream", j.stream).Strs("settings", names).Msg("repairing settings of the journal's stream that could lose entries")
	if err := j.update(ctx, info, wrong); err != nil {
		return fmt.Errorf("repair %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

// flaws lists what cannot be repaired.
func (j *JetStream) flaws(c jetstream.StreamConfig) (flaws []string) {
	refuse := func(when bool, format string, args ...any) {
		if when {
			flaws = append(flaws, fmt.Sprintf(format, args...))
		}
	}
	refuse(!slices.Equal(c.Subjects, []string{j.subject}), "its subjects are %q and must be %q alone", c.Subjects, j.subject)
	refuse(c.Storage != jetstream.FileStorage, "its storage is %s and must be file", strings.ToLower(c.Storage.String()))
	refuse(c.Retention != jetstream.LimitsPolicy, "its retention is %s and must be limits", strings.ToLower(c.Retention.String()))
	refuse(c.Mirror != nil || len(c.Sources) > 0, "it copies from other streams")
	refuse(c.SubjectTransform != nil, "it renames subjects")
	refuse(c.Sealed, "it is sealed")
	refuse(c.DenyPurge, "it refuses purges, so it would grow for ever")
	refuse(c.MaxConsumers > 0, "it allows %d consumers, and every dispatcher needs one", c.MaxConsumers)
	refuse(c.AllowMsgCounter, "it is a stream of counters")
	refuse(c.PersistMode == jetstream.AsyncPersistMode, "it acknowledges entries before they are stored")
	return flaws
}

// repairable returns the settings that are wrong, with the right values.
func repairable(c jetstream.StreamConfig) map[string]any {
	right := map[string]any{}
	set := func(when bool, name string, value any) {
		if when {
			right[name] = value
		}
	}
	set(c.MaxAge != 0, "max_age", 0)
	set(c.MaxMsgs > 0, "max_msgs", -1)
	set(c.MaxBytes > 0, "max_bytes", -1)
	set(c.MaxMsgsPerSubject > 0, "max_msgs_per_subject", -1)
	set(c.MaxMsgSize > 0, "max_msg_size", -1)
	set(c.DiscardNewPerSubject, "discard_new_per_subject", false)
	set(c.Discard != jetstream.DiscardOld, "discard", "old")
	set(c.NoAck, "no_ack", false)
	set(c.AllowRollup, "allow_rollup_hdrs", false)
	set(c.AllowDirect, "allow_direct", false)
	set(c.Duplicates < duplicates || c.Duplicates > 4*duplicates, "duplicate_window", duplicates.Nanoseconds())
	return right
}

// update changes settings of the stream and leaves all others as they are.
func (j *JetStream) update(ctx context.Context, info *streamInfo, changes map[string]any) error {
	config := map[string]any{}
	if err := json.Unmarshal(info.RawConfig, &config); err != nil {
		return err
	}
	maps.Copy(config, changes)
	return call(ctx, j.nc, apiStreamUpdate+j.stream, config, &emptyReply{})
}

// Raise gives the journal the replicas it is meant to have once the cluster has
// grown, and returns how many it has, or is about to have: the server copies
// the entries in the background while appends go on. If there is nothing to
// raise, it costs one request, or two in a cluster that is too small; calling
// it every minute is fine.
func (j *JetStream) Raise(ctx context.Context) (replicas int, err error) {
	info, err := j.info(ctx)
	if err != nil {
		return 0, fmt.Errorf("raise replicas of journal: %w", err)
	}
	have, want := info.config.Replicas, j.wanted()
	clustered := info.Cluster != nil && info.Cluster.Name != ""
	if have >= want || !clustered {
		return have, nil
	}
	err = j.update(ctx, info, map[string]any{"num_replicas": want})
	switch {
	case hasCode(err, codeNoPeers, codeNoReplicas):
		return have, nil
	case err != nil:
		return have, fmt.Errorf("raise replicas of journal from %d to %d: %w", have, want, err)
	}
	j.cfg.Logger.Info().Str("stream", j.stream).Int("from", have).Int("to", want).Msg("the journal gets more replicas")
	return want, nil
}
