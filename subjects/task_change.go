package subjects

import ha "github.com/seed261fe303/ha"

// Requests on tasks, for [Names.Task].
const (
	TaskCancel = "cancel"
	TaskRetry  = "retry"
	TaskPull   = "pull"
	TaskRun    = "run"
	TaskDelete = "delete"
)

// The rows of these requests in the table.
var taskChangeRequests = []Request{
	{Name: "task-cancel", Topic: TopicTask, What: TaskCancel, Ordered: true, Forms: forms(form[TaskRequest, ha.TaskRecord]()), From: forClients},
	{
		Name: "task-retry", Topic: TopicTask, What: TaskRetry, Ordered: true, From: forClients,
		Forms: forms(form[RetryRequest, ha.TaskRecord](), form[RetryRequest, Retried]()),
	},
	{Name: "task-pull", Topic: TopicTask, What: TaskPull, Ordered: true, Forms: forms(form[PullRequest, Pulled]()), From: forClients},
	{Name: "task-run", Topic: TopicTask, What: TaskRun, Ordered: true, Forms: forms(form[TaskRequest, ha.TaskRecord]()), From: forClients},
	{Name: "task-delete", Topic: TopicTask, What: TaskDelete, Ordered: true, Forms: forms(form[TaskRequest, OK]()), From: forClients},
}

// RetryRequest puts a failed task back, or up to Limit failed ones of a kind.
type RetryRequest struct {
	ID   ha.TaskID `json:"id,omitempty"`
	Kind string    `json:"kind,omitempty"`
	// Limit from 1 to [MaxTasksPage]; 0: [MaxTasksPage].
	Limit int `json:"limit,omitempty"`
}

// Retried is the reply to a [RetryRequest] of a kind; that of one task is replied to with
// its record.
type Retried struct {
	Retried int `json:"retried"`
	// More: there are further failed tasks of the kind.
	More bool `json:"more,omitempty"`
}

// DecodeRetry decodes a request to put tasks back. The error is an [*ha.Error].
func DecodeRetry(body []byte) (RetryRequest, error) {
	var r RetryRequest
	if err := decode(body, &r); err != nil {
		return r, err
	}
	if (r.ID == "") == (r.Kind == "") {
		return r, ha.Invalid("invalid_id", "either id or kind must say what is to be retried")
	}
	if r.ID != "" {
		return r, checkID("id", r.ID)
	}
	if !ha.ValidToken(r.Kind) {
		return r, badToken("kind", r.Kind)
	}
	n, err := pageLimit(r.Limit, MaxTasksPage)
	r.Limit = n
	return r, err
}

// PullRequest asks for results that nobody was handed yet, the oldest first.
type PullRequest struct {
	// Limit from 1 to [MaxTasksPage]; 0: 100.
	Limit int    `json:"limit,omitempty"`
	Pool  string `json:"pool,omitempty"`
	Kind  string `json:"kind,omitempty"`
	// Receipt is a token of the client's own: a request that repeats it gets the same
	// results again. Without one, results whose reply was lost are not handed out again.
	Receipt string `json:"receipt,omitempty"`
}

// Pulled is the reply to a [PullRequest].
type Pulled struct {
	Results []PulledResult `json:"results"`
}

// PulledResult is one result.
type PulledResult = ha.TaskResult

// DecodePull decodes a request for results. The error is an [*ha.Error].
func DecodePull(body []byte) (PullRequest, error) {
	var r PullRequest
	if !blank(body) {
		if err := decode(body, &r); err != nil {
			return r, err
		}
	}
	if err := checkTokens(named{"kind", r.Kind}, named{"pool", r.Pool}, named{"receipt", r.Receipt}); err != nil {
		return r, err
	}
	n, err := pageLimit(r.Limit, 100)
	r.Limit = n
	return r, err
}
