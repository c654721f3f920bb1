package subjects

import ha "github.com/seed261fe303/ha"

// TaskStats is a request on tasks, for [Names.Task].
const TaskStats = "stats"

// The row of this request in the table.
var taskStatsRequests = []Request{
	{Name: "task-stats", Topic: TopicTask, What: TaskStats, Ordered: true, Forms: forms(form[Empty, TaskReport]()), From: forClients | forObservers},
}

// MaxStats is how many kinds, pools and limits of keys the reply to stats lists,
// each, of which the first.
const MaxStats = 1000

// TaskReport is the reply to the stats request.
type TaskReport = ha.TaskReport

// KindStats is a row of a [TaskReport].
type KindStats = ha.KindStats

// PoolStats is a row of a [TaskReport].
type PoolStats = ha.PoolStats
