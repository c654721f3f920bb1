package hatest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// Queue is a stand-in for a dispatcher and a client of it, in memory. It refuses
// what a dispatcher refuses of a task by itself, of repeated ids and of unique keys.
// Tasks run when [Queue.Drain] is called. The zero value is ready to use. Its methods may be used
// concurrently; handlers are called one at a time.
type Queue struct {
	mu       sync.Mutex
	draining sync.Mutex
	handlers map[string]worker.TaskHandler
	tasks    []*queued // in the order of submission
	byID     map[ha.TaskID]*queued
}

// queued is one task of a Queue.
type queued struct {
	spec   ha.TaskSpec
	record ha.TaskRecord
}

// Handle makes h the handler of that kind.
func (q *Queue) Handle(kind string, h worker.TaskHandler) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.handlers == nil {
		q.handlers = make(map[string]worker.TaskHandler)
	}
	q.handlers[kind] = h
}

// Submit takes a task in. The error is an [*ha.Error] or a [*client.NotUniqueError].
func (q *Queue) Submit(ctx context.Context, spec ha.TaskSpec) (ha.TaskID, error) {
	s := q.SubmitOne(ctx, spec)
	if s.Err != nil {
		return "", s.Err
	}
	return s.ID, nil
}

// SubmitOne is Submit for who wants to know whether the task had been submitted before.
func (q *Queue) SubmitOne(_ context.Context, spec ha.TaskSpec) client.Submitted {
	if err := subjects.PrepareTask(&spec); err != nil {
		return client.Submitted{ID: spec.ID, Err: err}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if spec.ID == "" {
		spec.ID = ha.TaskID(fmt.Sprintf("t1-%d", len(q.tasks)+1))
	}
	if known := q.byID[spec.ID]; known != nil {
		if !sameSpec(known.spec, spec) {
			return client.Submitted{ID: spec.ID, Err: ha.Conflict("id_conflict", "a task %s was submitted with other content", spec.ID)}
		}
		return client.Submitted{ID: spec.ID, Duplicate: true}
	}
	if holder := q.holder(spec.UniqueKey); holder != "" {
		refusal := ha.Conflict("not_unique", "task %s, which has not ended, has the unique key %s", holder, spec.UniqueKey)
		return client.Submitted{ID: spec.ID, Err: &client.NotUniqueError{Holder: holder, Refusal: refusal}}
	}
	q.add(spec)
	return client.Submitted{ID: spec.ID}
}

func (q *Queue) add(spec ha.TaskSpec) {
	t := &queued{spec: spec, record: ha.TaskRecord{
		ID: spec.ID, Kind: spec.Kind, State: ha.TaskPending, Pool: spec.Pool, Priority: spec.Priority, Payload: spec.Payload,
		MaxAttempts: 5, SubmittedAt: time.Now().UTC(), Timeout: spec.Timeout, After: spec.After, Labels: spec.Labels, Metadata: spec.Metadata,
		UniqueKey: spec.UniqueKey, ConcurrencyKey: spec.ConcurrencyKey, Batch: spec.Batch, OnUpstreamFailure: spec.OnUpstreamFailure,
	}}
	if t.record.Pool == "" {
		t.record.Pool = subjects.DefaultPool
	}
	for _, s := range spec.Steps {
		t.record.Steps = append(t.record.Steps, ha.StepRecord{Kind: s.Kind, State: ha.TaskPending})
	}
	if len(spec.Steps) > 0 {
		t.record.Kind = spec.Steps[0].Kind
	}
	if spec.Retry != nil && spec.Retry.MaxAttempts > 0 {
		t.record.MaxAttempts = spec.Retry.MaxAttempts
	}
	if q.byID == nil {
		q.byID = make(map[ha.TaskID]*queued)
	}
	q.tasks = append(q.tasks, t)
	q.byID[spec.ID] = t
}

func (q *Queue) holder(key string) ha.TaskID {
	for _, t := range q.tasks {
		if key != "" && t.spec.UniqueKey == key && !t.record.State.Final() {
			return t.spec.ID
		}
	}
	return ""
}

// sameSpec compares what was submitted, by what is sent of it.
func sameSpec(a, b ha.TaskSpec) bool {
	textA, errA := subjects.AppendTask(nil, &a)
	textB, errB := subjects.AppendTask(nil, &b)
	return errA == nil && errB == nil && bytes.Equal(textA, textB)
}

// Submitted lists what was submitted, in that order.
func (q *Queue) Submitted() []ha.TaskSpec {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]ha.TaskSpec, len(q.tasks))
	for i, t := range q.tasks {
		list[i] = t.spec
	}
	return list
}

// Get returns the record of a task; the error is an [*ha.Error] of status 404.
func (q *Queue) Get(_ context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.byID[id]
	if t == nil {
		return ha.TaskRecord{}, ha.NotFound("unknown_task", "there is no task %s", id)
	}
	r := t.record
	r.Steps = slices.Clone(r.Steps)
	return r, nil
}

// Cancel cancels a task that has not ended.
func (q *Queue) Cancel(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	q.mu.Lock()
	if t := q.byID[id]; t != nil && !t.record.State.Final() {
		t.end(ha.TaskCancelled, "cancelled", "")
	}
	q.mu.Unlock()
	return q.Get(ctx, id)
}

// Retry puts a task back that did not complete.
func (q *Queue) Retry(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	q.mu.Lock()
	t := q.byID[id]
	switch {
	case t == nil:
	case t.record.State == ha.TaskCompleted:
		q.mu.Unlock()
		return ha.TaskRecord{}, ha.Conflict("not_failed", "task %s has completed", id)
	case t.record.State.Final():
		t.record.State, t.record.Reason, t.record.Failures = ha.TaskPending, "retried", 0
	}
	q.mu.Unlock()
	return q.Get(ctx, id)
}

// Wait drains the queue and returns the task's record. The error matches
// [ha.ErrTaskFailed], [ha.ErrTaskCancelled] or [ha.ErrTaskTimedOut] where the task ended so, and
// [ha.ErrUnavailable] where it has not ended, as nothing handles it or what it comes after is missing.
func (q *Queue) Wait(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	if _, err := q.Get(ctx, id); err != nil {
		return ha.TaskRecord{}, err
	}
	q.Drain(ctx)
	r, err := q.Get(ctx, id)
	if err != nil {
		return r, err
	}
	ends := map[ha.TaskState]error{ha.TaskFailed: ha.ErrTaskFailed, ha.TaskCancelled: ha.ErrTaskCancelled, ha.TaskTimedOut: ha.ErrTaskTimedOut}
	switch {
	case r.State == ha.TaskCompleted:
		return r, nil
	case !r.State.Final():
		return r, fmt.Errorf("wait for task %s: it is %s and nothing more can run: %w", id, r.State, ha.ErrUnavailable)
	}
	return r, fmt.Errorf("task %s: %w: %s", id, ends[r.State], r.Error)
}
