package subjects

import (
	"strings"

	ha "github.com/seed261fe303/ha"
)

// DefaultPrefix begins every subject unless configured otherwise.
const DefaultPrefix = "ha"

// Kind tells what a subject is for.
type Kind string

// The kinds of subjects.
const (
	KindHello     Kind = "hello"
	KindHeartbeat Kind = "hb"
	KindActivate  Kind = "activate"
	KindAvailable Kind = "available"
	KindBye       Kind = "bye"
	KindWorkers   Kind = "workers"
	KindStatus    Kind = "status"
	KindTask      Kind = "task"
	KindProgress  Kind = "progress"
	KindEvent     Kind = "event"
	// KindDispatcher is where each dispatcher says where it stands.
	KindDispatcher Kind = "dispatcher"
)

// Subject is a parsed subject name.
type Subject struct {
	Kind Kind
	// Worker is set on hb, available, bye and progress, and on an activate for one
	// direct worker.
	Worker ha.WorkerID
	// Dispatcher is set on what a dispatcher says of itself.
	Dispatcher string
	// Entity and What are set on events: "worker" and "joined". What is also the
	// request on a task: "submit".
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
func (n Names) Hello() string { return n.join(KindHello) }

// Heartbeat is where the worker of that id heartbeats.
func (n Names) Heartbeat(id ha.WorkerID) string { return n.of(KindHeartbeat, id) }

// HeartbeatAll is the wildcard of every worker's heartbeat.
func (n Names) HeartbeatAll() string { return n.of(KindHeartbeat, "*") }

// Activate is the subject shared by all workers, each filtering by its id.
func (n Names) Activate() string { return n.join(KindActivate) }

// ActivateDirect is the subject of one direct worker.
func (n Names) ActivateDirect(id ha.WorkerID) string { return n.of(KindActivate, id) }

// Available is where the worker of that id says that it is free again.
func (n Names) Available(id ha.WorkerID) string { return n.of(KindAvailable, id) }

// AvailableAll is the wildcard of every worker's available.
func (n Names) AvailableAll() string { return n.of(KindAvailable, "*") }

// Bye is where the worker of that id deregisters.
func (n Names) Bye(id ha.WorkerID) string { return n.of(KindBye, id) }

// ByeAll is the wildcard of every worker's bye.
func (n Names) ByeAll() string { return n.of(KindBye, "*") }

// Workers answers with the list of workers.
func (n Names) Workers() string { return n.join(KindWorkers) }

// Status answers with one report of the whole system.
func (n Names) Status() string { return n.join(KindStatus) }

// Task is where a client asks something of a task: one of the Task… requests.
func (n Names) Task(what string) string { return n.of(KindTask, ha.WorkerID(what)) }

// Progress is where the worker of that id tells how far its tasks are.
func (n Names) Progress(id ha.WorkerID) string { return n.of(KindProgress, id) }

// ProgressAll is the wildcard of every worker's progress.
func (n Names) ProgressAll() string { return n.of(KindProgress, "*") }

// Dispatcher is where the dispatcher of that name says where it stands.
func (n Names) Dispatcher(name string) string { return n.of(KindDispatcher, ha.WorkerID(name)) }

// DispatcherAll is the wildcard of what every dispatcher says of itself.
func (n Names) DispatcherAll() string { return n.of(KindDispatcher, "*") }

// Event is where a change of that kind is told, such as "worker", "joined".
func (n Names) Event(entity, what string) string {
	return n.prefix + "." + string(KindEvent) + "." + entity + "." + what
}

// EventAll is the wildcard of every event.
func (n Names) EventAll() string { return n.join(KindEvent) + ".>" }

func (n Names) join(k Kind) string { return n.prefix + "." + string(k) }

func (n Names) of(k Kind, id ha.WorkerID) string {
	return n.prefix + "." + string(k) + "." + string(id)
}

// Parse is the inverse of the builders. Wildcards are refused, as is any name
// that no builder makes. The error is an [*ha.Error] of status 400.
func (n Names) Parse(subject string) (Subject, error) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".")
	if !ok {
		return Subject{}, badSubject(subject, "it must begin with \""+n.prefix+".\"")
	}
	head, tail, more := strings.Cut(rest, ".")
	s := Subject{Kind: Kind(head)}
	switch s.Kind {
	case KindHello, KindWorkers, KindStatus:
		if more {
			return Subject{}, badSubject(subject, "nothing may follow "+head)
		}
		return s, nil
	case KindActivate:
		if !more {
			return s, nil
		}
		fallthrough
	case KindHeartbeat, KindAvailable, KindBye, KindProgress:
		if !ha.ValidToken(tail) {
			return Subject{}, badSubject(subject, "one worker id must follow "+head)
		}
		s.Worker = ha.WorkerID(tail)
		return s, nil
	case KindTask:
		if !ha.ValidToken(tail) {
			return Subject{}, badSubject(subject, "one request must follow task")
		}
		s.What = tail
		return s, nil
	case KindDispatcher:
		if !ha.ValidToken(tail) {
			return Subject{}, badSubject(subject, "one dispatcher name must follow "+head)
		}
		s.Dispatcher = tail
		return s, nil
	case KindEvent:
		s.Entity, s.What, _ = strings.Cut(tail, ".")
		if !ha.ValidToken(s.Entity) || !ha.ValidToken(s.What) {
			return Subject{}, badSubject(subject, "an entity and a change must follow event")
		}
		return s, nil
	}
	return Subject{}, badSubject(subject, "it is none of this protocol's")
}

func badSubject(subject, why string) error {
	return ha.Invalid("invalid_subject", "subject %s: %s", Quote(subject), why)
}
