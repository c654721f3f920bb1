package subjects

import (
	"reflect"
	"slices"
	"strings"

	ha "github.com/seed261fe303/ha"
)

// Roles is a set of roles: the parts that a process may play in the protocol. What a
// role may send is all that it needs, and no more.
type Roles uint8

// The roles. A process that is two things has both.
const (
	// RoleWorker registers, and runs what it is given.
	RoleWorker Roles = 1 << iota
	// RoleClient hands in tasks, follows them and takes their results.
	RoleClient
	// RoleObserver sees everything and changes nothing.
	RoleObserver
	// RoleAdmin operates the system: it does what a client and an observer do, and sets
	// the rules by which tasks run.
	RoleAdmin
	// RoleGateway speaks for workers, clients, observers and admins that come another way.
	// It decides itself what each of them may ask for.
	RoleGateway
	// RoleDispatcher receives the requests. It sends none.
	RoleDispatcher
)

// The roles that may send what workers, clients, observers and admins send.
const (
	forAdmins    = RoleAdmin | RoleGateway
	forWorkers   = RoleWorker | RoleGateway
	forClients   = RoleClient | RoleAdmin | RoleGateway
	forObservers = RoleObserver | RoleAdmin | RoleGateway
)

// Has reports whether every role of other is in r.
func (r Roles) Has(other Roles) bool { return r&other == other }

// String lists the roles: "client, admin".
func (r Roles) String() string {
	var names []string
	for i, name := range []string{"worker", "client", "observer", "admin", "gateway", "dispatcher"} {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Request is one request of the protocol: a row of the table.
type Request struct {
	// Name identifies the request, as "nats micro" lists it: "task-submit".
	Name string
	// Topic and What are those of its subject. What is empty if it is the only request of
	// its topic.
	Topic Topic
	What  string
	// PerWorker: the subject ends with the id of the worker that sends it.
	PerWorker bool
	// Ordered: the dispatcher receives all requests of the topic under one subscription,
	// and so in the order in which one sender sent them, and can answer those that the topic does not
	// have. Otherwise it has a subscription for this one, and requests of different subscriptions may overtake
	// each other. The requests of a topic are all ordered, or none is.
	Ordered bool
	// Forms are the forms that the request may have, with the reply to each.
	Forms []Form
	// From are the roles that may send it.
	From Roles
}

// Form is one form of a request: the types of its body and of the body of the reply,
// structs or slices of structs.
type Form struct{ Request, Reply reflect.Type }

// Empty is the body of a request that carries nothing. See [DecodeEmpty].
type Empty struct{}

func form[In, Out any]() Form {
	return Form{Request: reflect.TypeFor[In](), Reply: reflect.TypeFor[Out]()}
}

func forms(f ...Form) []Form { return f }

// Subject is where the worker of that id sends the request, or anybody else if it is
// not a worker's. The id is not used then.
func (r Request) Subject(n Names, worker ha.WorkerID) string {
	return n.prefix + "." + r.tokens(string(worker))
}

// Pattern is the wildcard of all subjects of the request, which is the subject itself
// if there is only one.
func (r Request) Pattern(n Names) string { return n.prefix + "." + r.tokens("*") }

// Subscription is the subject, mostly with wildcards, under which the dispatcher
// receives the request, together with others if the topic is ordered.
func (r Request) Subscription(n Names) string {
	if r.Ordered {
		return n.of(r.Topic, ">")
	}
	return r.Pattern(n)
}

// tokens are the tokens of the subject below the prefix.
func (r Request) tokens(worker string) string {
	tokens := string(r.Topic)
	if r.What != "" {
		tokens += "." + r.What
	}
	if r.PerWorker {
		tokens += "." + worker
	}
	return tokens
}

// Announcement is a message that is published to whoever listens.
type Announcement struct {
	Name    string
	Topic   Topic
	Message reflect.Type
	// From are the roles that publish it, To those that may listen.
	From, To Roles
}

// Subscription is one subscription of a dispatcher, and the requests that it receives
// under it.
type Subscription struct {
	// Name is the endpoint's: that of its only request or, of an ordered topic, the topic.
	Name     string
	Requests []Request
}

// Subject is the subject, mostly with wildcards, to subscribe to.
func (s Subscription) Subject(n Names) string { return s.Requests[0].Subscription(n) }

func subscriptionsOf(table []Request) (list []Subscription) {
	for _, r := range table {
		if !r.Ordered {
			list = append(list, Subscription{Name: r.Name, Requests: []Request{r}})
			continue
		}
		name := string(r.Topic)
		i := slices.IndexFunc(list, func(s Subscription) bool { return s.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, Subscription{Name: name})
		}
		list[i].Requests = append(list[i].Requests, r)
	}
	return list
}

// requestKey is what tells the requests apart in a parsed subject.
type requestKey struct {
	topic Topic
	what  string
}

// requestNames is what [Names.ParseRequest] looks requests up in.
var requestNames = func() map[requestKey]string {
	names := make(map[requestKey]string, len(requests))
	for _, r := range requests {
		names[requestKey{r.Topic, r.What}] = r.Name
	}
	return names
}()

// requestsOf returns what tells the requests of a topic apart, in the order of the table.
func requestsOf(topic Topic) (list []string) {
	for _, r := range requests {
		if r.Topic == topic {
			list = append(list, r.What)
		}
	}
	return list
}

// follower is what may follow a topic in a subject, as a set; 0: there is no such topic.
type follower uint8

const (
	followedByNothing follower = 1 << iota
	followedByWorker
	followedByWhat
	followedByDispatcher
	followedByEvent
)

// name says what has to follow, for an error message.
func (f follower) name() string {
	switch {
	case f&followedByWorker != 0:
		return "one worker id"
	case f&followedByDispatcher != 0:
		return "one dispatcher name"
	}
	return "one request"
}

// followers is what [Names.Parse] goes by. Requests with both What and PerWorker are not
// made yet: a test holds the table to what can be parsed.
var followers = func() map[Topic]follower {
	f := map[Topic]follower{
		TopicActivate:   followedByNothing | followedByWorker,
		TopicEvent:      followedByEvent,
		TopicDispatcher: followedByDispatcher,
	}
	for _, r := range requests {
		switch {
		case r.What != "":
			f[r.Topic] = followedByWhat
		case r.PerWorker:
			f[r.Topic] = followedByWorker
		default:
			f[r.Topic] = followedByNothing
		}
	}
	return f
}()
