package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// apiServers asks every server that the account is allowed to ask how its JetStream is set up. An account
// that is not the system account must import it, which few do; the servers of package embedded let
// everybody ask.
const apiServers = "$SYS.REQ.SERVER.PING.JSZ"

// syncPatience bounds the wait for the servers' answers.
const syncPatience = 500 * time.Millisecond

// serverReport is what a server answers, as far as it is of interest.
type serverReport struct {
	Server struct {
		Name string `json:"name"`
	} `json:"server"`
	Data struct {
		Config struct {
			SyncAlways   bool          `json:"sync_always"`
			SyncInterval time.Duration `json:"sync_interval"`
		} `json:"config"`
	} `json:"data"`
}

// SyncCaveat returns a sentence for the operator if the servers that keep the stream may acknowledge entries
// before they are on disk, or do not say whether they do, and "" if all of them wait for their disks. Only
// the servers know; a client may ask them if its account imports the question.
func (j *JetStream) SyncCaveat(ctx context.Context) string {
	info, err := j.info(ctx)
	if err != nil {
		return "" // it is told elsewhere
	}
	keepers := []string{j.nc.ConnectedServerName()}
	if c := info.Cluster; c != nil && c.Leader != "" {
		keepers = []string{c.Leader}
		for _, peer := range c.Replicas {
			keepers = append(keepers, peer.Name)
		}
	}
	reports := askServers(ctx, j.nc, apiServers, keepers)
	return syncCaveat(keepers, reports)
}

// syncCaveat judges what the servers that keep the stream say.
func syncCaveat(keepers []string, reports map[string]serverReport) string {
	var lazy, silent []string
	for _, name := range keepers {
		r, known := reports[name]
		switch {
		case !known:
			silent = append(silent, name)
		case !r.Data.Config.SyncAlways:
			lazy = append(lazy, fmt.Sprintf("%s syncs its disk every %s", name, r.Data.Config.SyncInterval))
		}
	}
	slices.Sort(lazy)
	slices.Sort(silent)
	switch {
	case len(lazy) > 0:
		return "NATS server " + strings.Join(lazy, ", ") + ": a loss of power loses what was acknowledged since. " +
			"Set 'sync_interval: always' in the jetstream block of its configuration"
	case len(silent) > 0:
		return "NATS server " + strings.Join(silent, ", ") + " does not tell this account whether it writes to its disk before it" +
			" acknowledges. See that the jetstream block of its configuration has 'sync_interval: always', or a loss of power loses" +
			" what was acknowledged in the last two minutes"
	}
	return ""
}

// askServers returns the answers, by name, once all the servers of that name have answered, or nobody does.
func askServers(ctx context.Context, nc *nats.Conn, subject string, names []string) map[string]serverReport {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	reports := map[string]serverReport{}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return reports
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	if err := nc.PublishRequest(subject, inbox, nil); err != nil {
		return reports
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil || m.Header.Get("Status") != "" { // 503: nobody listens
			return reports
		}
		var r serverReport
		if json.Unmarshal(m.Data, &r) == nil && r.Server.Name != "" {
			reports[r.Server.Name] = r
		}
		if !slices.ContainsFunc(names, func(name string) bool { _, known := reports[name]; return !known }) {
			return reports
		}
	}
}
