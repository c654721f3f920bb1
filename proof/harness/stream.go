package harness

import (
	"context"
	"encoding/json"
	"fmt"
)

// Replicas tells about the servers that hold the journal's stream. Names are the
// servers'.
type Replicas struct {
	Leader string
	// Current are the followers that have everything, Behind the others.
	Current, Behind []string
}

// Replicas asks who holds the journal's stream.
func (o *Observer) Replicas(ctx context.Context) (r Replicas, err error) {
	var info struct {
		Error   json.RawMessage `json:"error"`
		Cluster struct {
			Leader   string `json:"leader"`
			Replicas []struct {
				Name    string `json:"name"`
				Current bool   `json:"current"`
				Offline bool   `json:"offline"`
			} `json:"replicas"`
		} `json:"cluster"`
	}
	if err := o.Ask(ctx, "$JS.API.STREAM.INFO."+JournalStream, struct{}{}, &info); err != nil {
		return r, err
	}
	if len(info.Error) > 0 {
		return r, fmt.Errorf("ask for the stream: %s", info.Error)
	}
	r.Leader = info.Cluster.Leader
	for _, p := range info.Cluster.Replicas {
		if p.Current && !p.Offline {
			r.Current = append(r.Current, p.Name)
		} else {
			r.Behind = append(r.Behind, p.Name)
		}
	}
	return r, nil
}

// MoveStream asks the stream's leader to hand over to the server of that name,
// which must be current.
func (o *Observer) MoveStream(ctx context.Context, server string) error {
	request := map[string]any{"placement": map[string]string{"preferred": server}}
	var reply struct {
		Error json.RawMessage `json:"error"`
	}
	if err := o.Ask(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+JournalStream, request, &reply); err != nil {
		return err
	}
	if len(reply.Error) > 0 {
		return fmt.Errorf("move the stream to %s: %s", server, reply.Error)
	}
	return nil
}
