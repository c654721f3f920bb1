package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/seed261fe303/ha/bench/internal/lab"
)

// redisConfig is what asynq's documentation asks for: the file of appended commands
// is on, so that tasks survive. Snapshots are off, as they would only disturb.
const redisConfig = `bind 127.0.0.1
port %d
dir %s
daemonize no
save ""
appendonly yes
appendfsync %s
`

// StartRedis starts an empty Redis whose URL is host:port. fsync is "everysec" or "always".
func StartRedis(ctx context.Context, l *lab.Lab, p Peers, fsync string) (*Instance, error) {
	dir, err := l.Folder("redis")
	if err != nil {
		return nil, err
	}
	port, err := lab.Port(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, redisConfig, port, dir, fsync), 0o600); err != nil {
		return nil, fmt.Errorf("configure Redis: %w", err)
	}
	process, err := l.Start(ctx, lab.Spec{Name: "redis-server", Path: p.Redis, Args: []string{config}})
	if err != nil {
		return nil, err
	}
	i := &Instance{URL: fmt.Sprintf("127.0.0.1:%d", port), Processes: []*lab.Process{process}}
	client := redis.NewClient(&redis.Options{Addr: i.URL, MaxRetries: -1})
	defer func() { _ = client.Close() }() // everything was answered
	err = process.Await(ctx, "Redis", readyWithin, func(ctx context.Context) error { return client.Ping(ctx).Err() })
	if err != nil {
		return nil, err
	}
	return i, nil
}
