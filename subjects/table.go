package subjects

import (
	"reflect"
	"slices"
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
	// TopicCluster is for requests about the group of dispatchers itself.
	TopicCluster Topic = "cluster"

	// TopicActivate is for the orders to workers.
	TopicActivate Topic = "activate"
	// TopicEvent is for what a dispatcher publishes of changes.
	TopicEvent Topic = "event"
	// TopicDispatcher is for what each dispatcher publishes of itself.
	TopicDispatcher Topic = "dispatcher"
)

// The table of requests, in the order in which a dispatcher subscribes to them. The rows
// of a topic stand with its messages. To add a request, write its row and its messages in
// the file of its topic; a new topic has a line here as well.
var requests = slices.Concat(
	helloRequests, heartbeatRequests, availableRequests, workersRequests, statusRequests, progressRequests,
	taskSubmitRequests, taskQueryRequests, taskChangeRequests, taskRuleRequests, taskStatsRequests, taskBatchRequests, clusterRequests,
)

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
