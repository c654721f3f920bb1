package dispatcher

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// AnnounceWaiting tells, every 2 s until stop is called, that a dispatcher with the settings cfg is there and cannot start yet,
// for the reason that why returns; an empty one: it has none. Whoever looks at a group that has just begun sees what it waits
// for. The error says what is wrong with cfg.Prefix. It may be used concurrently with everything else.
func AnnounceWaiting(nc *nats.Conn, cfg Config, why func() string) (stop func(), err error) {
	names, err := subjects.NewNames(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("announce a dispatcher: %w", err)
	}
	began, instance := time.Now(), newInstance()
	say := func() {
		body, err := json.Marshal(subjects.Dispatcher{
			Name: cfg.Name, Instance: instance, Role: subjects.RoleStarting, Format: NewestFormat,
			UptimeMS: time.Since(began).Milliseconds(), Trouble: why(),
		})
		if err == nil {
			err = nc.Publish(names.Dispatcher(cfg.Name), body)
		}
		if err != nil {
			cfg.Log.Debug().Err(err).Msg("telling that this dispatcher waits")
		}
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(presenceEvery)
		defer ticker.Stop()
		for {
			say()
			select {
			case <-ticker.C:
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		wg.Wait()
	}, nil
}
