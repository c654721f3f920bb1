package subjects

import (
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// DefaultPrefix begins every subject unless configured otherwise.
const DefaultPrefix = "ha"

// Subject is a parsed subject name.
type Subject struct {
	Topic Topic
	// Worker is set on hb, available, bye and progress, and on an activate for one
	// direct worker.
	Worker ha.WorkerID
	// Dispatcher is set on what a dispatcher says of itself.
	Dispatcher string
	// Entity and What are set on events: "worker" and "joined". What also tells the
	// requests of one topic apart: "submit" on a task.
	Entity, What string
}

// Names builds and parses the subjects below one prefix. The zero value is
// not usable; see [NewNames]. Names is immutable and may be used concurrently.
type Names struct{ prefix string }

// NewNames returns the names below prefix, which is one or more tokens of
// letters, digits, '_' and '-' joined by dots, at most [ha.MaxToken] bytes in all.
// An empty prefix means [DefaultPrefix]. The error is an [*ha.Error].
func NewNames(prefix string) (Names, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	ok := len(prefix) <= ha.MaxToken
	for token := range strings.SplitSeq(prefix, ".") {
		ok = ok && ha.ValidToken(token)
	}
	if !ok {
		return Names{}, ha.Invalid("invalid_prefix", "subject prefix must be tokens of letters, digits, '_' or '-'"+
			" joined by dots, at most %d bytes, got %s", ha.MaxToken, Quote(prefix))
	}
	return Names{prefix: prefix}, nil
}

// Prefix returns what every subject begins with.
func (n Names) Prefix() string { return n.prefix }

// All is the wildcard of everything below the prefix.
func (n Names) All() string { return n.prefix + ".>" }

// Hello is where workers register.
func (n Names) Hello() string { return n.join(TopicHello) }

// Heartbeat is where the worker of that id heartbeats.
func (n Names) Heartbeat(id ha.WorkerID) string { return n.of(TopicHeartbeat, string(id)) }

// HeartbeatAll is the wildcard of every worker's heartbeat.
func (n Names) HeartbeatAll() string { return n.of(TopicHeartbeat, "*") }

// Activate is the subject shared by all workers, each filtering by its id.
func (n Names) Activate() string { return n.join(TopicActivate) }

// ActivateDirect is the subject of one direct worker.
func (n Names) ActivateDirect(id ha.WorkerID) string { return n.of(TopicActivate, string(id)) }

// Available is where the worker of that id says that it is free again.
func (n Names) Available(id ha.WorkerID) string { return n.of(TopicAvailable, string(id)) }

// AvailableAll is the wildcard of every worker's available.
func (n Names) AvailableAll() string { return n.of(TopicAvailable, "*") }

// Bye is where the worker of that id deregisters.
func (n Names) Bye(id ha.WorkerID) string { return n.of(TopicBye, string(id)) }

// ByeAll is the wildcard of every worker's bye.
func (n Names) ByeAll() string { return n.of(TopicBye, "*") }

// Workers is where the list of workers is asked for.
func (n Names) Workers() string { return n.join(TopicWorkers) }

// Status is where a report of the whole system is asked for.
func (n Names) Status() string { return n.join(TopicStatus) }

// Task is where a client sends a request on tasks: one of the Task… constants.
func (n Names) Task(what string) string { return n.of(TopicTask, what) }

// Cluster is where a request on the group of dispatchers is sent: one of the Cluster…
// constants.
func (n Names) Cluster(what string) string { return n.of(TopicCluster, what) }

// Progress is where the worker of that id tells how far its tasks are.
func (n Names) Progress(id ha.WorkerID) string { return n.of(TopicProgress, string(id)) }

// ProgressAll is the wildcard of every worker's progress.
func (n Names) ProgressAll() string { return n.of(TopicProgress, "*") }

// Probe is where a worker is probed; see HelloReply. Like what dispatchers tell each other, it is
// not below the prefix: who watches all that is there would seem to be the worker.
func (n Names) Probe(id ha.WorkerID) string { return "_HA." + n.prefix + ".probe." + string(id) }

// ProbeNobody is where nobody listens.
func (n Names) ProbeNobody() string { return "_HA." + n.prefix + ".nobody" }

// Dispatcher is where the dispatcher of that name says where it stands.
func (n Names) Dispatcher(name string) string { return n.of(TopicDispatcher, name) }

// DispatcherAll is the wildcard of what every dispatcher says of itself.
func (n Names) DispatcherAll() string { return n.of(TopicDispatcher, "*") }

// Event is where a change of that kind is told, such as "worker", "joined".
func (n Names) Event(entity, what string) string {
	return n.prefix + "." + string(TopicEvent) + "." + entity + "." + what
}

// EventAll is the wildcard of every event.
func (n Names) EventAll() string { return n.join(TopicEvent) + ".>" }

func (n Names) join(t Topic) string { return n.prefix + "." + string(t) }

func (n Names) of(t Topic, token string) string {
	return n.prefix + "." + string(t) + "." + token
}

// Parse is the inverse of the builders. Wildcards are refused, as is any name
// that no builder makes. The error is an [*ha.Error] of status 400.
func (n Names) Parse(subject string) (Subject, error) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".")
	if !ok {
		return Subject{}, badSubject(subject, "it must begin with \""+n.prefix+".\"")
	}
	head, tail, more := strings.Cut(rest, ".")
	s := Subject{Topic: Topic(head)}
	switch wanted := followers[s.Topic]; {
	case wanted == 0:
		return Subject{}, badSubject(subject, "it is none of this protocol's")
	case wanted&followedByNothing != 0 && !more:
		return s, nil
	case wanted == followedByNothing:
		return Subject{}, badSubject(subject, "nothing may follow "+head)
	case wanted&followedByEvent != 0:
		s.Entity, s.What, _ = strings.Cut(tail, ".")
		if !ha.ValidToken(s.Entity) || !ha.ValidToken(s.What) {
			return Subject{}, badSubject(subject, "an entity and a change must follow event")
		}
		return s, nil
	case !ha.ValidToken(tail):
		return Subject{}, badSubject(subject, wanted.name()+" must follow "+head)
	case wanted&followedByWorker != 0:
		s.Worker = ha.WorkerID(tail)
	case wanted&followedByDispatcher != 0:
		s.Dispatcher = tail
	default:
		s.What = tail
	}
	return s, nil
}

// ParseRequest is Parse for the subject of a request, of which it also returns the name
// in the table of requests. Any other subject is refused; the error names the nearest request of
// the topic, or all of them.
func (n Names) ParseRequest(subject string) (s Subject, name string, err error) {
	if s, err = n.Parse(subject); err != nil {
		return Subject{}, "", err
	}
	name, ok := requestNames[requestKey{s.Topic, s.What}]
	switch {
	case ok:
		return s, name, nil
	case s.What == "":
		return Subject{}, "", badSubject(subject, "it is none of this protocol's requests")
	}
	known := requestsOf(s.Topic)
	if near, ok := text.Nearest(s.What, known); ok {
		return Subject{}, "", badSubject(subject, "there is no such request, did you mean \""+n.of(s.Topic, near)+"\"?")
	}
	return Subject{}, "", badSubject(subject, "there is no such request; those of "+string(s.Topic)+" are "+strings.Join(known, ", "))
}

func badSubject(subject, why string) error {
	return ha.Invalid("invalid_subject", "subject %s: %s", Quote(subject), why)
}
