// Package queue puts the systems that are compared behind one face: what submits
// tasks, and what works them. Everything peculiar to a system is in its own file,
// with the reason for each setting.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// The systems.
const (
	HA    = "ha"
	Asynq = "asynq"
	River = "river"
)

// Kind is the kind of every task.
const Kind = "noop"

// Payload is what every task carries: 200 bytes of JSON.
type Payload struct {
	// At is when it was submitted, in nanoseconds since 1970.
	At  int64  `json:"at"`
	Pad string `json:"pad"`
}

// padding makes up for what the 19 digits of At and the names leave of 200 bytes.
var padding = strings.Repeat("x", 200-len(`{"at":1700000000000000000,"pad":""}`))

// NewPayload returns a payload of 200 bytes.
func NewPayload(at int64) Payload { return Payload{At: at, Pad: padding} }

// DecodePayload reads what a handler was given.
func DecodePayload(raw []byte) (Payload, error) {
	var p Payload
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("decode payload: %w", err)
	}
	return p, nil
}

// Settings say which system to use, and how.
type Settings struct {
	System string `json:"system"`
	// URL is where its server is.
	URL string `json:"url"`
	// Slots is how many tasks a worker handles at once.
	Slots int `json:"slots"`
	// Connections is how many a producer may hold to the server, where it holds several.
	Connections int `json:"connections"`
	// Apart: each submitter has a client of its own, where several would otherwise share
	// requests.
	Apart bool `json:"apart"`
}

// Producer submits tasks. Its methods may be used concurrently.
type Producer interface {
	// Submit returns when the server has acknowledged the task.
	Submit(ctx context.Context, p Payload) error
	// SubmitMany does so for several, in the best way the system has.
	SubmitMany(ctx context.Context, p []Payload) error
	Close()
}

// Handler is given the payload of each task. It is called concurrently.
type Handler func(raw []byte)

// Worker works tasks.
type Worker interface {
	// Start returns when the worker takes tasks, or will by itself.
	Start(ctx context.Context) error
	// Completed counts the tasks whose completion the server has noted. Only how much it
	// grows has a meaning.
	Completed(ctx context.Context) (int64, error)
	// Stop lets running handlers finish.
	Stop(ctx context.Context) error
}

// NewProducer connects a producer.
func NewProducer(ctx context.Context, s Settings) (Producer, error) {
	switch s.System {
	case HA:
		return newHAProducer(s)
	case Asynq:
		return newAsynqProducer(s), nil
	case River:
		return newRiverProducer(ctx, s)
	}
	return nil, fmt.Errorf("new producer: no system %q", s.System)
}

// NewWorker connects a worker that does not work yet.
func NewWorker(ctx context.Context, s Settings, h Handler) (Worker, error) {
	switch s.System {
	case HA:
		return newHAWorker(s, h)
	case Asynq:
		return newAsynqWorker(s, h), nil
	case River:
		return newRiverWorker(ctx, s, h)
	}
	return nil, fmt.Errorf("new worker: no system %q", s.System)
}
