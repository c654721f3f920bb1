package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// asynqPoll is how often an idle server looks for tasks: asynq polls, once a second
// unless told otherwise. With that, whatever is not a deep backlog would measure the
// sleep. 20 ms is what River's benchmark polls at, and is no load for Redis.
const asynqPoll = 20 * time.Millisecond

// asynqProcessed is where Redis counts what the default queue has processed.
const asynqProcessed = "asynq:{default}:processed"

type asynqProducer struct {
	client *asynq.Client
}

func newAsynqProducer(s Settings) *asynqProducer {
	// Each enqueuing takes a connection for a round trip, so there is one for each that
	// submits at the same time.
	return &asynqProducer{client: asynq.NewClient(asynq.RedisClientOpt{Addr: s.URL, PoolSize: s.Connections})}
}

func (p *asynqProducer) Submit(ctx context.Context, payload Payload) error {
	raw, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if _, err := p.client.EnqueueContext(ctx, asynq.NewTask(Kind, raw)); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	return nil
}

// SubmitMany submits one after the other: asynq has no other way. Who wants more
// calls it from several goroutines.
func (p *asynqProducer) SubmitMany(ctx context.Context, payloads []Payload) error {
	for _, payload := range payloads {
		if err := p.Submit(ctx, payload); err != nil {
			return err
		}
	}
	return nil
}

func (p *asynqProducer) Close() { _ = p.client.Close() } // nothing is on its way

type asynqWorker struct {
	server *asynq.Server
	redis  *redis.Client
	handle asynq.HandlerFunc
}

func newAsynqWorker(s Settings, h Handler) *asynqWorker {
	options := asynq.RedisClientOpt{Addr: s.URL, PoolSize: s.Slots + 10}
	return &asynqWorker{
		server: asynq.NewServer(options, asynq.Config{
			Concurrency: s.Slots, TaskCheckInterval: asynqPoll, LogLevel: asynq.ErrorLevel,
		}),
		redis: redis.NewClient(&redis.Options{Addr: s.URL}),
		handle: func(_ context.Context, t *asynq.Task) error {
			h(t.Payload())
			return nil
		},
	}
}

func (w *asynqWorker) Start(context.Context) error {
	if err := w.server.Start(w.handle); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	return nil
}

func (w *asynqWorker) Completed(ctx context.Context) (int64, error) {
	n, err := w.redis.Get(ctx, asynqProcessed).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil // nothing was processed yet
	}
	if err != nil {
		return 0, fmt.Errorf("count completed: %w", err)
	}
	return n, nil
}

// Stop waits up to 8 s for handlers, which is asynq's default.
func (w *asynqWorker) Stop(context.Context) error {
	w.server.Shutdown()
	return w.redis.Close()
}
