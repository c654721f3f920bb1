package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
)

// ErrUnhealthy is matched by errors that say what is wrong with the place the
// journal is kept in. Each of them is a [*HealthError]. The outcome of an append
// that met one is unknown.
var ErrUnhealthy = errors.New("journal: unhealthy")

// ErrNoRoom is matched by those of them that say that the server, or the account, has no room
// for more.
var ErrNoRoom = errors.New("journal: no room")

// HealthError names a fault that only somebody outside of this process can mend.
type HealthError struct {
	// Cause is what is wrong and Remedy what to do about it, a sentence each for
	// whoever runs the system.
	Cause, Remedy string
	err           error
}

// Error implements error.
func (e *HealthError) Error() string {
	return fmt.Sprintf("%s (%v); to mend it: %s", e.Cause, e.err, e.Remedy)
}

// Is makes errors.Is(e, ErrUnhealthy) hold, and errors.Is(e, ErrNoRoom) if that is what is wrong.
func (e *HealthError) Is(target error) bool {
	return target == ErrUnhealthy || target == ErrNoRoom && e.Cause == noRoom.cause
}

// Unwrap returns the error of the NATS client or server behind it.
func (e *HealthError) Unwrap() error { return e.err }

// apiError is how JetStream says no. See the list in nats-server,
// server/errors.json.
type apiError struct {
	Status      int    `json:"code"`
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("JetStream error %d: %s", e.Code, e.Description)
}

// The codes that something here depends on.
const (
	codeNoPeers          = 10005
	codeNotAvailable     = 10008
	codeNoMessage        = 10037
	codeNotForAccount    = 10039
	codeNameTaken        = 10058
	codeNoStream         = 10059
	codeNoReplicas       = 10074
	codeNotEnabled       = 10076
	codeWrongLast        = 10071 // the leader's own view, proposals in flight included
	codeWrongLastInBatch = 10164 // a check that the leader could not make; nothing was written
)

// hasCode reports whether err is one of those.
func hasCode(err error, codes ...int) bool {
	var api *apiError
	return errors.As(err, &api) && slices.Contains(codes, api.Code)
}

type diagnosis struct{ cause, remedy string }

var (
	noRoom = diagnosis{"the NATS server has no room for the journal",
		"free disk space, or raise the limits of JetStream or of the account; " +
			"if appends are refused afterwards, restart the server"}
	offline = diagnosis{"the journal's stream is offline",
		"start the servers that hold its replicas; after a downgrade, go back to the newer server"}
	leaderless = diagnosis{"JetStream has no leader",
		"start more servers of the NATS cluster, so that a majority runs; an election takes up to 10 s"}
	homeless = diagnosis{"no server of the cluster can take the journal's stream now",
		"a cluster that has just begun finds one by itself; otherwise start more of its servers, with JetStream and room for the stream"}
	disabled = diagnosis{"JetStream does not run",
		"look into the NATS server's log why it is off; the server must have JetStream enabled, for this account too"}
	missing = diagnosis{"the journal's stream is gone",
		"restore it from a backup, or restart all dispatchers to begin an empty journal"}
	notStored = diagnosis{"the NATS server could not store the entry",
		"look into the NATS server's log; check its disk, and restart it"}
	sealed = diagnosis{"the journal's stream is sealed",
		"move it away (a backup, then a deletion) and restore it as a stream that can be written"}
	unanswered = diagnosis{"nobody answers for the journal's stream: it has no leader, or it is gone, or JetStream is off",
		"check that a majority of the NATS servers runs with JetStream, and that the stream exists"}
	silent = diagnosis{"no answer in time",
		"check that the NATS server runs and that its disk has room and responds; after a full disk " +
			"the stream stays stuck until the server is restarted"}
	disconnected = diagnosis{"not connected to NATS",
		"check that the NATS server runs and can be reached"}
)

var diagnoses = map[int]diagnosis{
	10002: noRoom, 10023: noRoom, 10028: noRoom, 10047: noRoom,
	10118: offline, 10119: offline, 10194: offline,
	10004: leaderless, codeNotAvailable: leaderless, 10009: leaderless,
	10035: disabled, codeNotForAccount: disabled, codeNotEnabled: disabled,
	codeNoPeers:  homeless,
	codeNoStream: missing,
	10077:        notStored,
	10109:        sealed,
}

// diagnose gives err its cause and remedy if they are known, and returns it
// as it is otherwise.
func diagnose(err error) error {
	found := func(d diagnosis) error { return &HealthError{Cause: d.cause, Remedy: d.remedy, err: err} }
	var api *apiError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api):
		if d, ok := diagnoses[api.Code]; ok {
			return found(d)
		}
		return err
	case errors.Is(err, nats.ErrNoResponders):
		return found(unanswered)
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return found(silent)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, nats.ErrStaleConnection), errors.Is(err, nats.ErrConnectionDraining):
		return found(disconnected)
	}
	return err
}
