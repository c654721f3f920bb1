package subjects

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// TaskBatch is a request on tasks, for [Names.Task].
const TaskBatch = "batch"

// The row of this request in the table.
var taskBatchRequests = []Request{
	{Name: "task-batch", Topic: TopicTask, What: TaskBatch, Ordered: true, Forms: forms(form[BatchRequest, ha.TaskBatch]()), From: forClients},
}

// BatchRequest creates a batch, closes it, gives it a task that runs when it is
// done, or only asks for its progress, as its fields say.
type BatchRequest struct {
	Name  string `json:"name"`
	Close bool   `json:"close,omitempty"`
	// Then must come after no batch; it is given this one.
	Then *ha.TaskSpec `json:"then,omitempty"`
}

// batchWire is a [BatchRequest] as it is read.
type batchWire struct {
	BatchRequest
	Then *taskWire `json:"then"`
}

// DecodeBatch decodes a request about a batch. The error is an [*ha.Error].
func DecodeBatch(body []byte) (BatchRequest, error) {
	var w batchWire
	if err := decode(body, &w); err != nil {
		return w.BatchRequest, err
	}
	r := w.BatchRequest
	if w.Then != nil {
		r.Then = w.Then.spec()
	}
	if !ha.ValidToken(r.Name) {
		return r, badToken("name", r.Name)
	}
	if r.Then == nil {
		return r, nil
	}
	if r.Then.AfterBatch != "" && r.Then.AfterBatch != r.Name {
		return r, ha.Invalid("invalid_after_batch", "the task of \"then\" comes after the batch %q, not after %s", r.Name, Quote(r.Then.AfterBatch))
	}
	if err := checkEscapes(body, &struct {
		Then struct {
			Labels escapes `json:"labels"`
		} `json:"then"`
	}{}); err != nil {
		return r, err
	}
	r.Then.AfterBatch = r.Name
	return r, CheckTask(r.Then)
}

// AppendBatch appends the JSON of r to dst. Its task, whose payload is passed on as it
// is, must be one that [PrepareTask] found right. The error is that of [AppendTask].
func AppendBatch(dst []byte, r BatchRequest) ([]byte, error) {
	dst = rawjson.AppendQuoted(append(dst, `{"name":`...), r.Name)
	if r.Close {
		dst = append(dst, `,"close":true`...)
	}
	if r.Then != nil {
		var err error
		if dst, err = AppendTask(append(dst, `,"then":`...), r.Then); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}
