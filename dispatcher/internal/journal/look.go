package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrGone says that the stream does not exist any more.
var ErrGone = errors.New("journal: the stream does not exist any more")

// Look is what a stream in use shows of itself.
type Look struct {
	// First and Last are as in [Log]'s Bounds.
	First, Last uint64
	// Missing is how many entries between them are not there.
	Missing uint64
	// Replicas is how many servers keep the stream. An answer for several of them may come from
	// one that is behind, for as long as an election takes.
	Replicas int
	// Repaired names the settings that somebody had changed so that entries could be lost, and
	// that this look has put right. Entries that were lost by them show in First and Missing.
	Repaired []string
	// Unsafe says what cannot be put right about the settings; empty: nothing.
	Unsafe string
}

// Look looks at the stream that was opened, and puts settings right that were changed meanwhile. It
// costs one request, and another if there is something to repair. The error matches [ErrReplaced] or
// [ErrGone] if the stream is not there, and [ErrUnhealthy] if nobody answers.
func (j *JetStream) Look(ctx context.Context) (Look, error) {
	info, err := j.info(ctx)
	if hasCode(err, codeNoStream) {
		return Look{}, fmt.Errorf("look at the journal: %w: %w", ErrGone, err)
	}
	if err != nil {
		return Look{}, fmt.Errorf("look at the journal: %w", err)
	}
	l := Look{Replicas: info.config.Replicas}
	l.First, l.Last = info.bounds()
	if held := l.Last + 1 - l.First; held > info.State.Msgs {
		l.Missing = held - info.State.Msgs
	}
	wrong := j.changed(info.config)
	left := info.config
	if len(wrong) > 0 {
		l.Repaired = slices.Sorted(maps.Keys(wrong))
		if err := j.update(ctx, info, wrong); err != nil {
			return l, fmt.Errorf("put %s of the journal's stream right: %w", strings.Join(l.Repaired, ", "), err)
		}
		left.Subjects, left.Retention, left.Sources, left.SubjectTransform = []string{j.subject}, jetstream.LimitsPolicy, nil, nil
	}
	l.Unsafe = strings.Join(j.flaws(left), "; ")
	return l, nil
}

// changed returns the settings that are wrong and can be put right in a stream that was opened with
// right ones, with the right values.
func (j *JetStream) changed(c jetstream.StreamConfig) map[string]any {
	wrong := repairable(c)
	if !slices.Equal(c.Subjects, []string{j.subject}) {
		wrong["subjects"] = []string{j.subject}
	}
	if c.Retention == jetstream.InterestPolicy {
		wrong["retention"] = "limits"
	}
	if len(c.Sources) > 0 {
		wrong["sources"] = nil
	}
	if c.SubjectTransform != nil {
		wrong["subject_transform"] = nil
	}
	return wrong
}

// Room is how much the journal may still store, as far as the server tells a client.
type Room struct {
	// Limited tells that there is a limit. Free is what is left of it for one replica, and Size is the
	// limit, in bytes.
	Limited    bool
	Free, Size uint64
}

// accountInfo is what JetStream says of an account.
type accountInfo struct {
	outcome
	accountUsage
	Tiers map[string]accountUsage `json:"tiers"`
}

type accountUsage struct {
	Storage uint64 `json:"storage"`
	Limits  struct {
		MaxStorage int64 `json:"max_storage"`
	} `json:"limits"`
}

// Room asks how much the account may still store. What the disks of the servers still hold, no client
// can see.
func (j *JetStream) Room(ctx context.Context, replicas int) (Room, error) {
	var info accountInfo
	if err := call(ctx, j.nc, apiAccount, nil, &info); err != nil {
		return Room{}, fmt.Errorf("room of the journal's account: %w", err)
	}
	// Without tiers, every replica counts; the limit of a tier is one for each replica.
	usage, copies := info.accountUsage, uint64(max(1, replicas))
	if tier, ok := info.Tiers[fmt.Sprintf("R%d", copies)]; ok {
		usage, copies = tier, 1
	}
	limit := usage.Limits.MaxStorage
	if limit <= 0 { // -1: none. 0: it is written so where tiers are what counts
		return Room{}, nil
	}
	size := uint64(limit)
	return Room{Limited: true, Free: (size - min(size, usage.Storage)) / copies, Size: size / copies}, nil
}
