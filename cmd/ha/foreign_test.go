package main

// The worker in this file is written from docs/protocol.md alone: it uses the
// NATS client and JSON, and nothing of this module.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

type foreignWorker struct {
	nc        *nats.Conn
	id        string
	heartbeat time.Duration
	orders    chan *nats.Msg
	epoch     uint64
	ran       atomic.Int64
}

// join says hello. It listens before it does, so that no activation is missed.
func (w *foreignWorker) join(url, name string, weight int) (err error) {
	if w.nc, err = nats.Connect(url); err != nil {
		return err
	}
	w.orders = make(chan *nats.Msg, 1024)
	if _, err := w.nc.ChanSubscribe("ha.activate", w.orders); err != nil {
		return err
	}
	var reply struct {
		ID          string `json:"id"`
		HeartbeatMS int64  `json:"heartbeat_ms"`
		Activate    string `json:"activate"`
	}
	hello := map[string]any{"message": "is someone there", "weight": weight, "name": name}
	if err := w.ask("ha.hello", hello, &reply); err != nil {
		return err
	}
	if reply.Activate != "ha.activate" {
		return fmt.Errorf("told to listen on %q", reply.Activate)
	}
	w.id, w.heartbeat = reply.ID, time.Duration(reply.HeartbeatMS)*time.Millisecond
	return nil
}

// work heartbeats and does what it is told until ctx ends; then it says bye.
func (w *foreignWorker) work(ctx context.Context) error {
	defer w.nc.Close()
	beat := time.NewTicker(w.heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return w.ask("ha.bye."+w.id, map[string]any{}, nil)
		case <-beat.C:
			// It works one order at a time, so between two of them it runs nothing.
			if err := w.ask("ha.hb."+w.id, map[string]any{"running": []string{}}, nil); err != nil {
				return err
			}
		case msg := <-w.orders:
			if err := w.obey(msg); err != nil {
				return err
			}
		}
	}
}

func (w *foreignWorker) obey(msg *nats.Msg) error {
	var order struct {
		ID    string `json:"id"`
		Order string `json:"order"`
		Epoch uint64 `json:"epoch"`
		Work  []struct {
			Activation string `json:"activation"`
		} `json:"work"`
	}
	if err := json.Unmarshal(msg.Data, &order); err != nil {
		return err
	}
	if order.ID != w.id || order.Order != "activate" || order.Epoch < w.epoch {
		return nil
	}
	w.epoch = order.Epoch
	for _, one := range order.Work {
		w.ran.Add(1)
		finished := []map[string]any{{"activation": one.Activation, "outcome": "done"}}
		free := map[string]any{"message": "i_am_available", "finished": finished}
		if err := w.ask("ha.available."+w.id, free, nil); err != nil {
			return err
		}
	}
	return nil
}

// ask repeats a request until it is answered; the protocol allows that for all of them.
func (w *foreignWorker) ask(subject string, body, reply any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for range 10 {
		msg, err := w.nc.Request(subject, data, time.Second)
		if errors.Is(err, nats.ErrTimeout) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		if code := msg.Header.Get("Nats-Service-Error-Code"); code != "" {
			return fmt.Errorf("%s: refused with %s: %s", subject, code, msg.Data)
		}
		if reply == nil {
			return nil
		}
		return json.Unmarshal(msg.Data, reply)
	}
	return fmt.Errorf("%s: never answered", subject)
}
