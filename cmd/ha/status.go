package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/query"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/subjects"
)

func statusCommand(a *cli.App) *cobra.Command {
	return query.New(a, query.Question{
		Use:     "status",
		Short:   "Show the state of the whole: dispatchers, journal, workers, activations",
		Subject: subjects.Names.Status,
		Show: func(ask func(any) ([]byte, error)) ([]byte, func(io.Writer) error, error) {
			var s subjects.Status
			body, err := ask(&s)
			return body, func(w io.Writer) error { return render.Status(w, s) }, err
		},
		Otherwise: statusWithoutLeader,
	})
}

// presenceWait is how long to listen to what dispatchers say of themselves,
// which each does every 2 s.
const presenceWait = 2500 * time.Millisecond

// leaderless is the status where nobody leads.
type leaderless struct {
	Leader      *subjects.Dispatcher  `json:"leader"` // none: null
	Dispatchers []subjects.Dispatcher `json:"dispatchers"`
	Problem     string                `json:"problem"`
}

// statusWithoutLeader shows what the dispatchers say of themselves where none
// answers for all.
func statusWithoutLeader(ctx context.Context, nc *nats.Conn, names subjects.Names, silence error) ([]byte, func(io.Writer) error, error) {
	list, err := listenToDispatchers(ctx, nc, names)
	if err != nil {
		return nil, nil, err
	}
	problem := silence
	if len(list) > 0 {
		problem = errors.New(advice(list))
	}
	body, err := json.Marshal(leaderless{Dispatchers: list, Problem: problem.Error()})
	if err != nil {
		return nil, nil, err
	}
	var position uint64
	for _, d := range list {
		position = max(position, d.Position)
	}
	return body, func(w io.Writer) error {
		if len(list) == 0 {
			return nil
		}
		return render.Dispatchers(w, list, position)
	}, problem
}

// advice says what is the matter where dispatchers are there and none leads.
func advice(list []subjects.Dispatcher) string {
	troubled := 0
	for _, d := range list {
		if d.Trouble != "" {
			troubled++
		}
	}
	if troubled > 0 {
		return fmt.Sprintf("no dispatcher leads: %d of the %d that are there are in trouble; mend what the table says", troubled, len(list))
	}
	return fmt.Sprintf("no dispatcher leads, and %d are there: one of them takes over within two leases, so ask again;"+
		" if that does not help, look into their logs", len(list))
}

// listenToDispatchers collects, by name, what dispatchers say until each had the
// time to speak.
func listenToDispatchers(ctx context.Context, nc *nats.Conn, names subjects.Names) ([]subjects.Dispatcher, error) {
	sub, err := nc.SubscribeSync(names.DispatcherAll())
	if err != nil {
		return nil, fmt.Errorf("listen to the dispatchers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	limited, cancel := context.WithTimeout(ctx, presenceWait)
	defer cancel()
	heard := map[string]subjects.Dispatcher{} // by name and instance
	for {
		m, err := sub.NextMsgWithContext(limited)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case limited.Err() != nil:
			list := slices.AppendSeq([]subjects.Dispatcher{}, maps.Values(heard))
			slices.SortFunc(list, func(a, b subjects.Dispatcher) int {
				return strings.Compare(a.Name+" "+a.Instance, b.Name+" "+b.Instance)
			})
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("listen to the dispatchers: %w", err)
		}
		switch d, err := subjects.DecodeDispatcher(m.Data); {
		case err != nil:
		case d.Role == subjects.RoleStopped:
			delete(heard, d.Name+" "+d.Instance)
		default:
			heard[d.Name+" "+d.Instance] = d
		}
	}
}
