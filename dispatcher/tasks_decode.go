package dispatcher

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// decoders make what the loop handles of each request in the table of requests, by its
// name.
var decoders = map[string]decoder{
	"hello":       decodeHello,
	"heartbeat":   decodeHeartbeat,
	"available":   decodeAvailable,
	"bye":         decodeBye,
	"workers":     decodeWorkers,
	"status":      decodeStatus,
	"progress":    decodeProgress,
	"task-submit": decodeSubmit,
	"task-get":    decodeTaskGet,
	"task-wait":   decodeTaskWait,
	"task-list":   decodeTaskList,
	"task-cancel": decodeTaskCancel,
	"task-retry":  decodeTaskRetry,
	"task-pull":   decodeTaskPull,
	"task-pause":  decodeTaskPause,
	"task-resume": decodeTaskResume,
	"task-limit":  decodeTaskLimit,
	"task-stats":  decodeTaskStats,
	"task-batch":  decodeTaskBatch,
}

func decodeSubmit(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	list, many, err := subjects.DecodeSubmit(body)
	if err != nil || !many {
		if len(list) == 1 {
			return inboxItem{input: step.Submit{At: at, Spec: list[0].Spec}}, nil
		}
		return inboxItem{}, err
	}
	if list == nil {
		list = []subjects.Submission{}
	}
	return inboxItem{submissions: list, at: at}, nil
}

func decodeProgress(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error) {
	p, err := subjects.DecodeProgress(body)
	return inboxItem{input: step.Progress{At: at, Worker: worker, Activation: p.Activation, Percent: p.Percent, Text: p.Text}}, err
}

func decodeTaskGet(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	id, err := subjects.DecodeTaskRequest(body)
	return inboxItem{ask: func(l *loop, _ string) any { return l.taskRecord(id) }}, err
}

func decodeTaskWait(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodeWait(body)
	return inboxItem{ask: func(l *loop, replyTo string) any {
		return l.await(r.ID, replyTo, at.Add(r.TimeoutMS.Duration()))
	}}, err
}

func decodeTaskList(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, after, err := subjects.DecodeList(body)
	return inboxItem{ask: func(l *loop, _ string) any { return l.taskPage(r, after) }}, err
}

func decodeTaskCancel(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	id, err := subjects.DecodeTaskRequest(body)
	return inboxItem{input: step.CancelTask{At: at, ID: id}}, err
}

func decodeTaskRetry(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodeRetry(body)
	return inboxItem{input: step.RetryTask{At: at, ID: r.ID, Kind: r.Kind, Limit: r.Limit}}, err
}

func decodeTaskPull(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodePull(body)
	return inboxItem{input: step.PullTasks{
		At: at, Limit: r.Limit, Pool: r.Pool, Kind: r.Kind, Receipt: r.Receipt, Bytes: maxPageBytes,
	}}, err
}

func decodeTaskPause(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodePause(body)
	return inboxItem{input: step.SetPause{At: at, Kind: r.Kind, Pool: r.Pool, Paused: true}}, err
}

func decodeTaskResume(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodePause(body)
	return inboxItem{input: step.SetPause{At: at, Kind: r.Kind, Pool: r.Pool}}, err
}

func decodeTaskLimit(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	limit, err := subjects.DecodeLimit(body)
	return inboxItem{input: step.SetLimit{At: at, Limit: limit}}, err
}

func decodeTaskStats(_ time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return inboxItem{ask: func(l *loop, _ string) any { return l.taskReport() }}, subjects.DecodeEmpty(body)
}

func decodeTaskBatch(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodeBatch(body)
	return inboxItem{input: step.ChangeBatch{At: at, Name: r.Name, Close: r.Close, Then: r.Then}}, err
}
