package core

import (
	ha "github.com/seed261fe303/ha"
)

// taskRecord appends what follows the kind of a record about tasks.
func (e *encoder) taskRecord(r Record) {
	switch r := r.(type) {
	case TaskSubmitted:
		e.submitted(r)
	case TaskStarted:
		e.time(r.At)
		e.string(string(r.Worker))
		e.uint(r.Number)
		e.uint(r.Task)
	case TaskEnded:
		e.string(string(r.Worker))
		e.uint(r.Number)
		e.byte(outcomeByte(r.Outcome))
		e.uint(uint64(r.Worked))
		e.fate(r.Fate)
	case TaskMoved:
		e.uint(r.Task)
		e.fate(r.Fate)
	case TasksLeft:
		e.numbers(r.Tasks)
	case TasksPulled:
		e.string(r.Receipt)
		e.numbers(r.Tasks)
	case RuleSet:
		e.time(r.At)
		e.string(r.Kind)
		e.string(r.Pool)
		e.string(r.Key)
		e.bool(r.Paused)
		e.uint(uint64(r.Concurrency))
		e.uint(uint64(r.Interval))
		e.uint(uint64(r.Burst))
	case BatchSet:
		e.string(r.Name)
		e.bool(r.Close)
		e.string(string(r.Then))
	default:
		e.taskSnapshot(r)
	}
}

func (e *encoder) submitted(r TaskSubmitted) {
	e.time(r.At)
	e.uint(r.Number)
	e.uint(r.Print)
	e.spec(r.Spec)
}

// taskSnapshot is taskRecord for the pieces of a snapshot.
func (e *encoder) taskSnapshot(r Record) {
	switch r := r.(type) {
	case TaskRestored:
		e.taskRestored(r)
	case WorkRestored:
		e.string(string(r.Worker))
		e.numbers(r.Tasks)
		e.uint(r.Work.Completed)
		e.uint(r.Work.Failed)
		e.uint(r.Work.Worked)
	case KindRestored:
		e.string(r.Name)
		e.bool(r.Paused)
		e.uint(uint64(r.Limit))
		e.uint(uint64(r.Interval))
		e.uint(uint64(r.Burst))
		e.time(r.Due)
		e.int(r.Counts.Since)
		for _, n := range r.Counts.list() {
			e.uint(*n)
		}
	case PoolRestored:
		e.string(r.Name)
		e.bool(r.Paused)
		e.uint(uint64(r.Limit))
	case BatchRestored:
		e.string(r.Name)
		e.bool(r.Closed)
		e.bool(r.Settled)
		e.uint(uint64(r.Total))
		for _, n := range r.Ended {
			e.uint(uint64(n))
		}
		e.string(string(r.Then))
		e.uint(r.Order)
	case IDsRestored:
		e.uint(uint64(len(r.IDs)))
		for _, id := range r.IDs {
			e.b = append(e.b, id.hash[:]...)
			e.uint(id.mark)
			e.byte(byte(id.state))
		}
	case TaskTotals:
		e.taskTotals(r)
	}
}

func (e *encoder) taskTotals(r TaskTotals) {
	e.uint(r.Submissions)
	e.uint(r.Turns)
	e.uint(r.Batches)
	e.time(r.Since)
	e.uint(uint64(r.KeyLimit))
	e.uint(uint64(len(r.Keys)))
	for _, k := range r.Keys {
		e.string(k.Key)
		e.uint(uint64(k.Limit))
	}
	e.uint(uint64(len(r.Receipts)))
	for _, p := range r.Receipts {
		e.string(p.Name)
		e.numbers(p.Tasks)
	}
}

func (c *kindCounts) list() []*uint64 {
	return []*uint64{&c.Completed, &c.Failed, &c.TimedOut, &c.Cancelled, &c.Retries, &c.Started, &c.Queued, &c.Worked}
}

// What is set of a restored task, as bits.
const (
	isReturned = 1 << iota
	isPulled
	isCarried
	hasProgress
	hasWorker
)

func (r *TaskRestored) bits() (bits byte) {
	for _, f := range [...]struct {
		bit   byte
		there bool
	}{
		{isReturned, r.Returned}, {isPulled, r.Pulled}, {isCarried, r.Carried},
		{hasProgress, r.Progress != nil}, {hasWorker, r.Worker != ""},
	} {
		if f.there {
			bits |= f.bit
		}
	}
	return bits
}

func (e *encoder) taskRestored(r TaskRestored) {
	e.submitted(r.TaskSubmitted)
	e.byte(byte(r.State))
	e.byte(byte(r.Reason))
	bits := r.bits()
	e.byte(bits)
	e.uint(r.Turn)
	e.uint(uint64(r.Attempt))
	e.uint(uint64(r.Failures))
	e.uint(uint64(r.Lost))
	e.time(r.Ready)
	e.time(r.Started)
	e.time(r.Ended)
	e.time(r.Due)
	e.bytes(r.Result)
	e.string(r.Error)
	e.numbers(r.Open)
	e.uint(r.BatchOpen)
	e.string(string(r.DoomedBy))
	if bits&hasWorker != 0 {
		e.string(string(r.Worker))
		e.uint(r.Activation.Number)
		e.uint(uint64(r.Activation.Epoch))
	}
	if p := r.Progress; p != nil {
		e.float(p.Percent)
		e.string(p.Text)
		e.time(p.At)
	}
	e.uint(uint64(r.Step))
	e.uint(uint64(len(r.Steps)))
	for _, s := range r.Steps {
		e.byte(byte(s.State))
		e.string(string(s.Worker))
		e.uint(uint64(s.Attempts))
		e.uint(uint64(s.Duration))
		e.string(s.Error)
	}
}

// taskRecord reads what follows the kind of a record about tasks; nil: there is
// no such kind.
func (d *decoder) taskRecord(kind recordKind) Record {
	switch kind {
	case kindTaskSubmitted:
		return d.submitted(new(ha.TaskSpec))
	case kindTaskStarted:
		return d.taskStarted()
	case kindTaskEnded:
		return d.taskEnded()
	case kindTaskMoved:
		return TaskMoved{Task: d.uint(), Fate: d.fate()}
	case kindTasksLeft:
		return TasksLeft{Tasks: d.numbers()}
	case kindTasksPulled:
		return TasksPulled{Receipt: d.own(), Tasks: d.numbers()}
	case kindRuleSet:
		return RuleSet{
			At: d.time(), Kind: d.own(), Pool: d.own(), Key: d.own(), Paused: d.bool(),
			Concurrency: int(d.uint()), Interval: d.duration(), Burst: int(d.uint()),
		}
	case kindBatchSet:
		return BatchSet{Name: d.own(), Close: d.bool(), Then: ha.TaskID(d.own())}
	}
	return d.taskSnapshot(kind)
}

func (d *decoder) submitted(s *ha.TaskSpec) TaskSubmitted {
	r := TaskSubmitted{At: d.time(), Number: d.uint(), Print: d.uint(), Spec: s}
	d.spec(s)
	return r
}

func (d *decoder) taskStarted() TaskStarted {
	return TaskStarted{At: d.time(), Worker: d.worker(), Number: d.uint(), Task: d.uint()}
}

func (d *decoder) taskEnded() TaskEnded {
	return TaskEnded{Worker: d.worker(), Number: d.uint(), Outcome: d.outcome(), Worked: d.duration(), Fate: d.fate()}
}

func (d *decoder) taskSnapshot(kind recordKind) Record {
	switch kind {
	case kindTaskRestored:
		return d.taskRestored(new(ha.TaskSpec))
	case kindWorkRestored:
		return WorkRestored{
			Worker: d.worker(), Tasks: d.numbers(), Work: WorkCounts{Completed: d.uint(), Failed: d.uint(), Worked: d.uint()},
		}
	case kindKindRestored:
		r := KindRestored{
			Name: d.own(), Paused: d.bool(), Limit: int(d.uint()), Interval: d.duration(), Burst: int(d.uint()), Due: d.time(),
		}
		r.Counts.Since = d.int()
		for _, n := range r.Counts.list() {
			*n = d.uint()
		}
		return r
	case kindPoolRestored:
		return PoolRestored{Name: d.own(), Paused: d.bool(), Limit: int(d.uint())}
	case kindBatchRestored:
		r := BatchRestored{Name: d.own(), Closed: d.bool(), Settled: d.bool(), Total: int(d.uint())}
		for i := range r.Ended {
			r.Ended[i] = int(d.uint())
		}
		r.Then, r.Order = ha.TaskID(d.own()), d.uint()
		return r
	case kindIDsRestored:
		return d.ids()
	case kindTaskTotals:
		return d.taskTotals()
	}
	return nil
}

func (d *decoder) ids() IDsRestored {
	var r IDsRestored
	for range d.count(len(idHash{}) + 2) {
		var id rememberedID
		d.b = d.b[copy(id.hash[:], d.b):]
		id.mark, id.state = d.uint(), d.state()
		r.IDs = append(r.IDs, id)
	}
	return r
}

func (d *decoder) taskTotals() TaskTotals {
	r := TaskTotals{Submissions: d.uint(), Turns: d.uint(), Batches: d.uint(), Since: d.time(), KeyLimit: int(d.uint())}
	for range d.count(2) {
		r.Keys = append(r.Keys, KeyLimit{Key: d.own(), Limit: int(d.uint())})
	}
	for range d.count(2) {
		r.Receipts = append(r.Receipts, Receipt{Name: d.own(), Tasks: d.numbers()})
	}
	return r
}

func (d *decoder) taskRestored(s *ha.TaskSpec) TaskRestored {
	r := TaskRestored{TaskSubmitted: d.submitted(s), State: d.state(), Reason: d.reason()}
	bits := d.byte()
	r.Returned, r.Pulled, r.Carried = bits&isReturned != 0, bits&isPulled != 0, bits&isCarried != 0
	r.Turn, r.Attempt, r.Failures, r.Lost = d.uint(), int(d.uint()), int(d.uint()), int(d.uint())
	r.Ready, r.Started, r.Ended, r.Due = d.time(), d.time(), d.time(), d.time()
	r.Result, r.Error, r.Open, r.BatchOpen, r.DoomedBy = d.blob(), d.own(), d.numbers(), d.uint(), ha.TaskID(d.own())
	if bits&hasWorker != 0 {
		r.Worker, r.Activation = d.worker(), Running{Number: d.uint(), Epoch: ha.Epoch(d.uint())}
	}
	if bits&hasProgress != 0 {
		r.Progress = &ha.Progress{Percent: d.float(), Text: d.own(), At: d.time()}
	}
	r.Step = int(d.uint())
	for range d.count(5) {
		r.Steps = append(r.Steps, StepRestored{
			State: d.state(), Worker: d.worker(), Attempts: int(d.uint()), Duration: d.duration(), Error: d.own(),
		})
	}
	return r
}
