package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// OldestServer is the oldest version of nats-server that the journal is correct
// on. The decision and its sources are in docs/decisions/0004-oldest-nats-server.md.
const OldestServer = "2.12.3"

var (
	// ErrNoJetStream says that the server has no JetStream, or not for this account.
	ErrNoJetStream = errors.New("journal: no JetStream")
	// ErrOldServer refuses a server older than [OldestServer].
	ErrOldServer = errors.New("journal: NATS server too old")
)

// Available returns nil if JetStream can be used. The error matches
// [ErrNoJetStream] only if the server says for certain that it has none, so
// that a memory journal may take its place, and [ErrUnhealthy] if JetStream is
// there but does not work now, so that none may.
func Available(ctx context.Context, nc *nats.Conn) error {
	err := call(ctx, nc, apiAccount, nil, &emptyReply{})
	has, _ := nc.ConnectedServerJetStream()
	switch {
	case err == nil:
		return nil
	case hasCode(err, codeNotForAccount, codeNotEnabled),
		errors.Is(err, nats.ErrNoResponders) && !has:
		return fmt.Errorf("look for JetStream on %s: %w: %w", nc.ConnectedServerName(), ErrNoJetStream, err)
	}
	return fmt.Errorf("look for JetStream on %s: %w", nc.ConnectedServerName(), err)
}

// CheckServer returns an error that matches [ErrOldServer] if the server that
// nc is connected to is older than [OldestServer]. Servers of one cluster may
// differ: check again after each reconnect.
func CheckServer(nc *nats.Conn) error {
	version := nc.ConnectedServerVersion()
	if version == "" {
		return fmt.Errorf("check NATS server: %w", diagnose(nats.ErrDisconnected))
	}
	if !atLeast(version, OldestServer) {
		return fmt.Errorf("check NATS server: %s runs version %s, the journal needs %s or newer: %w",
			nc.ConnectedServerName(), version, OldestServer, ErrOldServer)
	}
	return nil
}

// Usable returns nil if a journal can be kept on the server that nc is connected
// to. Errors are those of [Available] and [CheckServer].
func Usable(ctx context.Context, nc *nats.Conn) error {
	if err := Available(ctx, nc); err != nil {
		return err
	}
	return CheckServer(nc)
}

// PowerLossCaveat returns a sentence for the log if the server that nc is
// connected to keeps the journal through any kill of a process, but may lose
// acknowledged entries when the power fails shortly after a purge, and ""
// otherwise. That depends on how the server is configured as well, which no
// client can see.
func PowerLossCaveat(nc *nats.Conn) string {
	version := nc.ConnectedServerVersion()
	fixed := atLeast(version, "2.15.1") || atLeast(version, "2.14.8") && !atLeast(version, "2.15.0-0")
	if fixed || version == "" {
		return ""
	}
	return fmt.Sprintf("NATS server %s may lose acknowledged entries when the power fails; 2.14.8 and 2.15.1 mend that", version)
}

// atLeast compares versions such as "2.12.3" or "v2.15.0-RC.1". What comes
// before a release counts as older than it. An unreadable version is older than
// everything.
func atLeast(version, oldest string) bool {
	have, havePre, ok := parseVersion(version)
	need, needPre, _ := parseVersion(oldest)
	if !ok {
		return false
	}
	for i := range have {
		if have[i] != need[i] {
			return have[i] > need[i]
		}
	}
	return !havePre || needPre
}

func parseVersion(s string) (numbers [3]int, pre, ok bool) {
	s = strings.TrimPrefix(s, "v")
	s, _, _ = strings.Cut(s, "+") // what was built says nothing about what it is
	s, suffix, _ := strings.Cut(s, "-")
	parts := strings.Split(s, ".")
	if len(parts) != len(numbers) {
		return numbers, false, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return numbers, false, false
		}
		numbers[i] = n
	}
	return numbers, suffix != "" && suffix != "binary" && suffix != "fips", true
}
