package queue

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const (
	// riverCooldown is the shortest pause between two fetches that River allows;
	// "throughput is limited by this value", its documentation says. The default is
	// 100 ms, and 2 ms in its own benchmark.
	riverCooldown = river.FetchCooldownMin
	// riverPoll is only a fallback of LISTEN and NOTIFY; as in River's benchmark.
	riverPoll = 20 * time.Millisecond
	// riverWorkerConnections are for fetching, completing, listening and leading.
	riverWorkerConnections = 10
	// riverEvents is room for every completion that may be told of at once; one that
	// finds no room is dropped, and would never be counted.
	riverEvents = 500_000
)

// riverArgs is a payload as River wants it: a type that knows its kind.
type riverArgs Payload

// Kind implements [river.JobArgs].
func (riverArgs) Kind() string { return Kind }

func riverPool(ctx context.Context, url string, connections int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	config.MaxConns = int32(connections)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return pool, nil
}

// PrepareRiver makes River's tables in an empty database.
func PrepareRiver(ctx context.Context, url string) error {
	pool, err := riverPool(ctx, url, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: riverLog()})
	if err != nil {
		return fmt.Errorf("prepare River: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("prepare River: %w", err)
	}
	return nil
}

// EmptyRiver removes all tasks, as River's benchmark does before it begins.
func EmptyRiver(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("empty River: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // everything was answered
	for _, statement := range []string{"TRUNCATE river_job", "VACUUM FULL river_job", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("empty River: %s: %w", statement, err)
		}
	}
	return nil
}

func riverLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type riverProducer struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

func newRiverProducer(ctx context.Context, s Settings) (*riverProducer, error) {
	pool, err := riverPool(ctx, s.URL, s.Connections)
	if err != nil {
		return nil, err
	}
	// The cooldown also bounds how often one who only inserts notifies the workers.
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{FetchCooldown: riverCooldown, Logger: riverLog()})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("new producer: %w", err)
	}
	return &riverProducer{pool: pool, client: client}, nil
}

func (p *riverProducer) Submit(ctx context.Context, payload Payload) error {
	if _, err := p.client.Insert(ctx, riverArgs(payload), nil); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	return nil
}

// SubmitMany uses COPY, which is River's fastest way.
func (p *riverProducer) SubmitMany(ctx context.Context, payloads []Payload) error {
	params := make([]river.InsertManyParams, len(payloads))
	for i, payload := range payloads {
		params[i].Args = riverArgs(payload)
	}
	if _, err := p.client.InsertManyFast(ctx, params); err != nil {
		return fmt.Errorf("submit many: %w", err)
	}
	return nil
}

func (p *riverProducer) Close() { p.pool.Close() }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]

	handle    Handler
	pool      *pgxpool.Pool
	client    *river.Client[pgx.Tx]
	completed atomic.Int64
	cancel    func()
}

func newRiverWorker(ctx context.Context, s Settings, h Handler) (*riverWorker, error) {
	pool, err := riverPool(ctx, s.URL, riverWorkerConnections)
	if err != nil {
		return nil, err
	}
	w := &riverWorker{handle: h, pool: pool}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	w.client, err = river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown: riverCooldown, FetchPollInterval: riverPoll, Logger: riverLog(),
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: s.Slots}}, Workers: workers,
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("new worker: %w", err)
	}
	return w, nil
}

// Work implements [river.Worker]. River has decoded the arguments by now, whether
// the handler wants them or not.
func (w *riverWorker) Work(_ context.Context, job *river.Job[riverArgs]) error {
	w.handle(job.EncodedArgs)
	return nil
}

func (w *riverWorker) Start(ctx context.Context) error {
	events, cancel := w.client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: riverEvents, Kinds: []river.EventKind{river.EventKindJobCompleted},
	})
	w.cancel = cancel
	go func() {
		for range events { // until cancel closes it
			w.completed.Add(1)
		}
	}()
	if err := w.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	return nil
}

// Completed counts events, as River's benchmark does: they come after the
// completion is committed.
func (w *riverWorker) Completed(context.Context) (int64, error) { return w.completed.Load(), nil }

func (w *riverWorker) Stop(ctx context.Context) error {
	defer w.pool.Close()
	if w.cancel != nil {
		defer w.cancel()
	}
	if err := w.client.Stop(ctx); err != nil {
		return fmt.Errorf("stop worker: %w", err)
	}
	return nil
}
