package main

// The operations on the tasks of one pool. The last three are no requests.
const (
	opSubmit = "submit"
	opGet    = "get"
	opCancel = "cancel"
	opRetry  = "retry"
	opPull   = "pull"
	opEnd    = "end"     // a worker reports the end of an attempt
	opBeat   = "beat"    // a worker's heartbeat
	opLeave  = "leave"   // a worker says bye
	opStart  = "start"   // an order to a worker was heard: the attempt has begun
	opRemove = "removed" // the dispatcher removed a worker that it took for dead
	opOver   = "over"    // nothing that is answered follows
)

// How a worker may report that an attempt ended.
const (
	endDone    = "done"
	endFailed  = "failed"
	endForGood = "failed for good"
	endBack    = "rejected" // given back
)

// poolTasks is how many tasks a pool has.
const poolTasks = 8

// rulesOf are those of the task of that index.
func rulesOf(i int) rules {
	return [...]rules{{attempts: 2}, {attempts: 2, short: true}, {attempts: 1}, {attempts: 3}}[i%4]
}

// taskInput is what a client or a worker asked, or what was heard.
type taskInput struct {
	op, pool string
	task     int // its index in the pool; not of a pull, a beat, a leave and a removal
	content  int // of a submission
	// act is the activation that began or ended, attempt the number that its order had.
	act, worker string
	attempt     int
	how         string // an attempt ended
	// names are the activations of a heartbeat.
	names   []string
	receipt string
	limit   int
	// at is a time that it did not take effect after. epoch is that of an order, since a
	// time before which its attempt has not begun.
	at, since int64
	epoch     uint64
	// gaps says of which tasks there may have been attempts that nobody heard of.
	gaps [poolTasks]bool
}

// rules are those of a task, with what is known of it besides.
func (in taskInput) rules(task int) rules {
	r := rulesOf(task)
	r.gaps = in.gaps[task]
	return r
}

// The refusals that the model knows, as an output has them.
const (
	refusedNotThere  = "not there" // 404
	refusedConflict  = "conflict"  // 409 to a submission
	refusedCompleted = "completed" // 409 to a retry
	refusedNotYours  = "not yours" // 409 to a report, or among the ignored
	refusedNotKnown  = "not known" // 404 to a worker
	answerDuplicate  = "duplicate" // of a submission
	answerNone       = "no answer" // it may have had its effect or not
	answerOK         = ""          // all else
)

// taskOutput is what was answered.
type taskOutput struct {
	answer string
	row    row
	// heard: the activation of row began with an operation of its own.
	heard   bool
	results []result
}

// result is one that was pulled.
type result struct {
	task int
	act  string // that made it
}
