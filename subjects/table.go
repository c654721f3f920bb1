package subjects

import (
	"reflect"
	"slices"

	ha "github.com/seed261fe303/ha"
)

// Topic is the first token of a subject below the prefix.
type Topic string

// The topics.
const (
	TopicHello     Topic = "hello"
	TopicHeartbeat Topic = "hb"
	TopicAvailable Topic = "available"
	TopicBye       Topic = "bye"
	TopicProgress  Topic = "progress"
	TopicWorkers   Topic = "workers"
	TopicStatus    Topic = "status"
	TopicTask      Topic = "task"

	// TopicActivate is for the orders to workers.
	TopicActivate Topic = "activate"
	// TopicEvent is for what a dispatcher publishes of changes.
	TopicEvent Topic = "event"
	// TopicDispatcher is for what each dispatcher publishes of itself.
	TopicDispatcher Topic = "dispatcher"
)

// The requests on tasks, for [Names.Task].
const (
	TaskSubmit = "submit"
	TaskGet    = "get"
	TaskWait   = "wait"
	TaskList   = "list"
	TaskCancel = "cancel"
	TaskRetry  = "retry"
	TaskPull   = "pull"
	TaskPause  = "pause"
	TaskResume = "resume"
	TaskLimit  = "limit"
	TaskStats  = "stats"
	TaskBatch  = "batch"
)

// The table of requests. To add one, write a row here, its messages in the file of its
// topic, its decoder in the dispatcher, and its section in docs/protocol.md.
var requests = []Request{
	{Name: "hello", Topic: TopicHello, Forms: forms(form[Hello, HelloReply]()), From: forWorkers},
	{Name: "heartbeat", Topic: TopicHeartbeat, PerWorker: true, Forms: forms(form[Heartbeat, HeartbeatReply]()), From: forWorkers},
	{Name: "available", Topic: TopicAvailable, PerWorker: true, Forms: forms(form[Available, OK]()), From: forWorkers},
	{Name: "bye", Topic: TopicBye, PerWorker: true, Forms: forms(form[Empty, OK]()), From: forWorkers},
	{Name: "workers", Topic: TopicWorkers, Forms: forms(form[WorkersRequest, Workers]()), From: forObservers},
	{Name: "status", Topic: TopicStatus, Forms: forms(form[Empty, Status]()), From: forObservers},
	{Name: "progress", Topic: TopicProgress, PerWorker: true, Forms: forms(form[ProgressReport, OK]()), From: forWorkers},
	{
		Name: "task-submit", Topic: TopicTask, What: TaskSubmit, From: forClients,
		Forms: forms(form[ha.TaskSpec, Submitted](), form[[]ha.TaskSpec, []Submitted]()),
	},
	{Name: "task-get", Topic: TopicTask, What: TaskGet, Forms: forms(form[TaskRequest, ha.TaskRecord]()), From: forClients | forObservers},
	{Name: "task-wait", Topic: TopicTask, What: TaskWait, Forms: forms(form[WaitRequest, ha.TaskRecord]()), From: forClients | forObservers},
	{Name: "task-list", Topic: TopicTask, What: TaskList, Forms: forms(form[ListRequest, TaskPage]()), From: forClients | forObservers},
	{Name: "task-cancel", Topic: TopicTask, What: TaskCancel, Forms: forms(form[TaskRequest, ha.TaskRecord]()), From: forClients},
	{
		Name: "task-retry", Topic: TopicTask, What: TaskRetry, From: forClients,
		Forms: forms(form[RetryRequest, ha.TaskRecord](), form[RetryRequest, Retried]()),
	},
	{Name: "task-pull", Topic: TopicTask, What: TaskPull, Forms: forms(form[PullRequest, Pulled]()), From: forClients},
	{Name: "task-pause", Topic: TopicTask, What: TaskPause, Forms: forms(form[PauseRequest, OK]()), From: forAdmins},
	{Name: "task-resume", Topic: TopicTask, What: TaskResume, Forms: forms(form[PauseRequest, OK]()), From: forAdmins},
	{Name: "task-limit", Topic: TopicTask, What: TaskLimit, Forms: forms(form[ha.Limit, OK]()), From: forAdmins},
	{Name: "task-stats", Topic: TopicTask, What: TaskStats, Forms: forms(form[Empty, TaskReport]()), From: forClients | forObservers},
	{Name: "task-batch", Topic: TopicTask, What: TaskBatch, Forms: forms(form[BatchRequest, ha.TaskBatch]()), From: forClients},
}

// What is published to whoever listens, and is no request.
var announcements = []Announcement{
	{Name: "activate", Topic: TopicActivate, Message: reflect.TypeFor[Activate](), From: RoleDispatcher, To: forWorkers},
	{Name: "event", Topic: TopicEvent, Message: reflect.TypeFor[Event](), From: RoleDispatcher, To: forClients | forObservers},
	{Name: "dispatcher", Topic: TopicDispatcher, Message: reflect.TypeFor[Dispatcher](), From: RoleDispatcher, To: forObservers | RoleDispatcher},
}

// Requests returns the table of requests, in the order in which a dispatcher subscribes
// to them. The types and forms in it are shared, and must not be changed.
func Requests() []Request { return slices.Clone(requests) }

// Announcements returns the messages that are published to whoever listens.
func Announcements() []Announcement { return slices.Clone(announcements) }

// Subscriptions returns the subscriptions under which a dispatcher receives the
// requests of the table, in its order. No two of them overlap, so that it receives each
// request once.
func Subscriptions() []Subscription { return subscriptionsOf(requests) }
