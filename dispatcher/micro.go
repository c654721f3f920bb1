package dispatcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// ServiceName is the name under which "nats micro" finds the dispatchers.
const ServiceName = "ha"

// serviceVersion is the version of the protocol in the form micro services use.
const serviceVersion = "1.0.0"

// service makes a dispatcher known to the tools for NATS micro services, such as "nats micro" (NATS ADR-32). The client
// library's own services have a subscription for each endpoint and know only errors that a handler returns at
// once; a dispatcher receives the requests of a topic under one subscription, and most refusals are decided later,
// by the loop. A standby is a service without endpoints.
type service struct {
	d     *Dispatcher
	began time.Time
	verbs []*nats.Subscription
	// otherErrors is the connection's handler of errors, for those that are not ours.
	otherErrors nats.ErrHandler
	// leading is the endpoints while this dispatcher leads; nil: it does not.
	leading atomic.Pointer[endpoints]
}

// endpoints are what a leader receives requests with.
type endpoints struct {
	epoch ha.Epoch
	began time.Time
	list  []*endpoint // in the order of the table of requests; the index is the tag of its requests
	// byName has the index in list of each request of the table.
	byName map[string]uint8
	subs   []*nats.Subscription
}

// endpoint is one request of the table, and what was done about it. It may be used concurrently.
type endpoint struct {
	name, subject string
	requests      atomic.Int64
	refused       atomic.Int64
	handled       atomic.Int64 // for so many nanoseconds
	lastRefusal   atomic.Pointer[string]
}

// start makes the dispatcher known. What is returned ends that.
func (s *service) start() (stop func(), err error) {
	s.began = time.Now().UTC()
	answers := map[micro.Verb]func() any{
		micro.PingVerb:  func() any { return micro.Ping{ServiceIdentity: s.identity(), Type: micro.PingResponseType} },
		micro.InfoVerb:  func() any { return s.info() },
		micro.StatsVerb: func() any { return s.stats() },
	}
	s.otherErrors = s.d.nc.ErrorHandler()
	s.d.nc.SetErrorHandler(s.connectionError)
	for verb, answer := range answers {
		for _, whom := range [][2]string{{}, {ServiceName}, {ServiceName, s.d.instance}} { // everybody, the dispatchers, this one
			if err := s.answer(verb, whom[0], whom[1], answer); err != nil {
				s.stop()
				return nil, fmt.Errorf("introduce the service: %w", err)
			}
		}
	}
	return s.stop, nil
}

func (s *service) answer(verb micro.Verb, name, id string, value func() any) error {
	subject, err := micro.ControlSubject(verb, name, id)
	if err != nil {
		return err
	}
	sub, err := s.d.nc.Subscribe(subject, func(m *nats.Msg) {
		body, err := json.Marshal(value())
		if err == nil {
			err = m.Respond(body)
		}
		if err != nil {
			s.d.cfg.Log.Debug().Err(err).Str("subject", m.Subject).Msg("answering a question about the service")
		}
	})
	if err == nil {
		s.verbs = append(s.verbs, sub)
	}
	return err
}

func (s *service) stop() {
	for _, sub := range s.verbs {
		_ = sub.Unsubscribe() // fails only on a closed connection, which has no subscriptions
	}
	s.d.nc.SetErrorHandler(s.otherErrors)
}

func (s *service) identity() micro.ServiceIdentity {
	metadata := map[string]string{"name": s.d.cfg.Name, "prefix": s.d.names.Prefix(), "role": string(journal.RoleStandby)}
	if e := s.leading.Load(); e != nil {
		metadata["role"], metadata["epoch"] = string(journal.RoleLeader), strconv.FormatUint(uint64(e.epoch), 10)
	}
	return micro.ServiceIdentity{Name: ServiceName, ID: s.d.instance, Version: serviceVersion, Metadata: metadata}
}

func (s *service) info() micro.Info {
	i := micro.Info{
		ServiceIdentity: s.identity(), Type: micro.InfoResponseType, Description: "weighted dispatcher " + s.d.cfg.Name,
		Endpoints: []micro.EndpointInfo{},
	}
	if all := s.leading.Load(); all != nil {
		for _, e := range all.list {
			i.Endpoints = append(i.Endpoints, micro.EndpointInfo{Name: e.name, Subject: e.subject, QueueGroup: micro.DefaultQueueGroup})
		}
	}
	return i
}

func (s *service) stats() micro.Stats {
	out := micro.Stats{ServiceIdentity: s.identity(), Type: micro.StatsResponseType, Started: s.began, Endpoints: []*micro.EndpointStats{}}
	all := s.leading.Load()
	if all == nil {
		return out
	}
	out.Started = all.began
	for _, e := range all.list {
		one := &micro.EndpointStats{
			Name: e.name, Subject: e.subject, QueueGroup: micro.DefaultQueueGroup,
			NumRequests: int(e.requests.Load()), NumErrors: int(e.refused.Load()), ProcessingTime: time.Duration(e.handled.Load()),
		}
		if last := e.lastRefusal.Load(); last != nil {
			one.LastError = *last
		}
		if n := one.NumRequests; n > 0 {
			one.AverageProcessingTime = one.ProcessingTime / time.Duration(n)
		}
		out.Endpoints = append(out.Endpoints, one)
	}
	return out
}

// connectionError tells of an error of one of the service's subscriptions, and leaves any other to whoever handled them
// before.
func (s *service) connectionError(nc *nats.Conn, sub *nats.Subscription, err error) {
	all := s.leading.Load()
	if sub == nil || !slices.Contains(s.verbs, sub) && (all == nil || !slices.Contains(all.subs, sub)) {
		if s.otherErrors != nil {
			s.otherErrors(nc, sub, err)
		}
		return
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		s.d.dropped.Add(1)
	}
	s.d.cfg.Log.Warn().Str("subject", sub.Subject).Err(err).Msg("subscription")
}

// refused counts a refusal of the request with that tag.
func (s *service) refused(tag uint8, refusal *ha.Error) {
	if all := s.leading.Load(); all != nil && int(tag) < len(all.list) {
		all.list[tag].refuse(refusal)
	}
}

func (e *endpoint) refuse(refusal *ha.Error) {
	e.refused.Add(1)
	text := fmt.Sprintf("%d:%s", refusal.Status, refusal.Message) // as micro services write it
	e.lastRefusal.Store(&text)
}

// newEndpoints returns endpoints for the table of requests, without a subscription.
func newEndpoints(names subjects.Names, epoch ha.Epoch) *endpoints {
	all := &endpoints{epoch: epoch, began: time.Now().UTC(), byName: map[string]uint8{}}
	for i, r := range subjects.Requests() {
		all.byName[r.Name] = uint8(i)
		all.list = append(all.list, &endpoint{name: r.Name, subject: r.Pattern(names)})
	}
	return all
}

// receive makes a request of a message, and counts it. ok is false if it was refused.
func (d *Dispatcher) receive(all *endpoints, m *nats.Msg) (r inboxItem, e *endpoint, ok bool) {
	s, name, err := d.names.ParseRequest(m.Subject)
	if err != nil {
		_ = d.refuse(m, err) // of no request, so nothing counts it
		return inboxItem{}, nil, false
	}
	tag := all.byName[name]
	e = all.list[tag]
	e.requests.Add(1)
	if r, err = decode(name, s.Worker, m.Header.Get(subjects.HeaderStrict) == "true", m.Data); err != nil {
		e.refuse(d.refuse(m, err))
		return inboxItem{}, e, false
	}
	r.Caller = term.Caller{ReplyTo: m.Reply, Tag: tag}
	return r, e, true
}

// refuse is the reply to a malformed message, which never reaches the loop.
func (d *Dispatcher) refuse(m *nats.Msg, err error) *ha.Error {
	d.malformed.Add(1)
	d.cfg.Log.Debug().Err(err).Str("subject", m.Subject).Int("bytes", len(m.Data)).Msg("malformed message refused")
	refusal, body := subjects.EncodeError(err)
	if m.Reply == "" {
		return refusal
	}
	if err := d.nc.PublishMsg(refusalTo(m.Reply, refusal, body)); err != nil {
		d.cfg.Log.Warn().Err(err).Str("subject", m.Subject).Msg("answering a malformed message")
	}
	return refusal
}

// refusalTo makes the message of a refusal.
func refusalTo(subject string, refusal *ha.Error, body []byte) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
	m.Header.Set(subjects.HeaderError, subjects.HeaderText(refusal.Message))
	m.Data = body
	return m
}
