package subjects

import (
	"encoding/json"
	"strconv"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// The events of this protocol, as entity and what of [Names.Event].
const (
	EntityWorker  = "worker"
	EntityLeader  = "leader"
	WhatJoined    = "joined"
	WhatLeft      = "left"
	WhatLost      = "lost"
	WhatActivated = "activated"
	WhatAvailable = "available"
	WhatElected   = "elected"
	WhatRejecting = "rejecting"
)

// The events of tasks, as what of [Names.Event] with the entity "task".
const (
	EntityTask     = "task"
	WhatSubmitted  = "submitted"
	WhatStarted    = "started"
	WhatCompleted  = "completed"
	WhatFailed     = "failed"
	WhatCancelled  = "cancelled"
	WhatTimedOut   = "timed_out"
	WhatRetrying   = "retrying"
	WhatReturned   = "returned"
	WhatStepped    = "stepped"
	WhatProgressed = "progressed"
	WhatPaused     = "paused"
	WhatResumed    = "resumed"
)

// Event is the message of an event, whose subject says what happened.
type Event = ha.Event

// DecodeEvent decodes the message of an event. The error is an [*ha.Error].
func DecodeEvent(body []byte) (Event, error) {
	var e Event
	err := decodeAny(body, &e)
	return e, err
}

// AppendEvent appends the JSON of e to dst.
func AppendEvent(dst []byte, e Event) []byte {
	dst = append(dst, `{"at":"`...)
	dst = e.At.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","epoch":`...)
	dst = strconv.AppendUint(dst, uint64(e.Epoch), 10)
	dst = rawjson.AppendToken(dst, `,"worker":"`, string(e.Worker))
	dst = rawjson.AppendToken(dst, `,"name":"`, e.Name)
	if e.Weight != 0 {
		dst = append(dst, `,"weight":`...)
		dst = strconv.AppendInt(dst, int64(e.Weight), 10)
	}
	dst = rawjson.AppendToken(dst, `,"activation":"`, string(e.Activation))
	dst = rawjson.AppendToken(dst, `,"outcome":"`, string(e.Outcome))
	dst = rawjson.AppendText(dst, `,"error":`, e.Error)
	dst = rawjson.AppendText(dst, `,"reason":`, e.Reason)
	dst = rawjson.AppendToken(dst, `,"dispatcher":"`, e.Dispatcher)
	dst = rawjson.AppendToken(dst, `,"task":"`, string(e.Task))
	dst = rawjson.AppendToken(dst, `,"kind":"`, e.Kind)
	dst = rawjson.AppendToken(dst, `,"pool":"`, e.Pool)
	dst = rawjson.AppendInt(dst, `,"attempt":`, int64(e.Attempt))
	dst = rawjson.AppendInt(dst, `,"step":`, int64(e.Step))
	if e.Percent != 0 {
		percent, _ := json.Marshal(e.Percent) // it was a JSON number when it came
		dst = append(append(dst, `,"percent":`...), percent...)
	}
	dst = rawjson.AppendText(dst, `,"text":`, e.Text)
	return append(dst, '}')
}
