package dispatcher

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// taskDecoders are those of the requests that change tasks. Of those that only ask, which
// stand beside their answers, see taskQueries.
var taskDecoders = map[string]decoder{
	"progress":    decodeProgress,
	"task-submit": decodeSubmit,
	"task-cancel": decodeTaskCancel,
	"task-run":    decodeTaskRun,
	"task-delete": decodeTaskDelete,
	"task-retry":  decodeTaskRetry,
	"task-pull":   decodeTaskPull,
	"task-pause":  decodeTaskPause,
	"task-resume": decodeTaskResume,
	"task-limit":  decodeTaskLimit,
	"task-batch":  decodeTaskBatch,
}

func decodeSubmit(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	return submitItem(at)(subjects.DecodeSubmit(body))
}

// submitItem makes a request of what [subjects.DecodeSubmit] returns.
func submitItem(at time.Time) func([]subjects.Submission, bool, error) (inboxItem, error) {
	return func(list []subjects.Submission, many bool, err error) (inboxItem, error) {
		if err != nil || !many {
			if len(list) == 1 {
				return inputItem(step.Submit{At: at, Spec: list[0].Spec}), nil
			}
			return inboxItem{}, err
		}
		if list == nil {
			list = []subjects.Submission{}
		}
		return inboxItem{Request: term.Request{Submissions: list}}, nil
	}
}

func decodeProgress(at time.Time, worker ha.WorkerID, body []byte) (inboxItem, error) {
	p, err := subjects.DecodeProgress(body)
	return inputItem(step.Progress{At: at, Worker: worker, Activation: p.Activation, Percent: p.Percent, Text: p.Text}), err
}

func decodeTaskCancel(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	id, err := subjects.DecodeTaskRequest(body)
	return inputItem(step.CancelTask{At: at, ID: id}), err
}

func decodeTaskRun(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	id, err := subjects.DecodeTaskRequest(body)
	return inputItem(step.RunTask{At: at, ID: id}), err
}

func decodeTaskDelete(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	id, err := subjects.DecodeTaskRequest(body)
	return inputItem(step.DeleteTask{At: at, ID: id}), err
}

func decodeTaskRetry(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodeRetry(body)
	return inputItem(step.RetryTask{At: at, ID: r.ID, Kind: r.Kind, Limit: r.Limit}), err
}

func decodeTaskPull(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodePull(body)
	return inputItem(step.PullTasks{
		At: at, Limit: r.Limit, Pool: r.Pool, Kind: r.Kind, Receipt: r.Receipt, Bytes: maxPageBytes,
	}), err
}

func decodeTaskPause(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodePause(body)
	return inputItem(step.SetPause{At: at, Kind: r.Kind, Pool: r.Pool, Paused: true}), err
}

func decodeTaskResume(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodePause(body)
	return inputItem(step.SetPause{At: at, Kind: r.Kind, Pool: r.Pool}), err
}

func decodeTaskLimit(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	limit, err := subjects.DecodeLimit(body)
	return inputItem(step.SetLimit{At: at, Limit: limit}), err
}

func decodeTaskBatch(at time.Time, _ ha.WorkerID, body []byte) (inboxItem, error) {
	r, err := subjects.DecodeBatch(body)
	return inputItem(step.ChangeBatch{At: at, Name: r.Name, Close: r.Close, Then: r.Then}), err
}
