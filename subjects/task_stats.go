package subjects

import ha "github.com/seed261fe303/ha"

// MaxStats is how many kinds, pools and limits of keys the reply to stats lists,
// each, of which the first.
const MaxStats = 1000

// TaskReport is the reply to the stats request.
type TaskReport = ha.TaskReport

// KindStats is a row of a [TaskReport].
type KindStats = ha.KindStats

// PoolStats is a row of a [TaskReport].
type PoolStats = ha.PoolStats
