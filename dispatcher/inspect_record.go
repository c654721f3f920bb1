package dispatcher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// The kinds of entries in words.
const (
	kindClaim      = "claim"
	kindBatch      = "batch"
	kindAbdication = "abdication"
	kindUnreadable = "unreadable"
)

func kindName(k journal.Kind) string {
	switch k {
	case journal.KindClaim:
		return kindClaim
	case journal.KindAbdication:
		return kindAbdication
	case journal.KindBatch:
		return kindBatch
	}
	return kindUnreadable
}

// records shows what the entry holds.
func (s stored) records(fn func(JournalRecord) error) error {
	e, err := journal.DecodeEntry(s.seq, s.data)
	if err != nil {
		return fn(JournalRecord{Seq: s.seq, Kind: kindUnreadable, At: s.at, Problem: err.Error()})
	}
	base := JournalRecord{Seq: s.seq, Epoch: ha.Epoch(e.Epoch), Node: e.Node, Kind: kindName(e.Kind), At: s.at}
	if len(e.Data) == 0 {
		return fn(base)
	}
	index := 0
	var stopped error
	err = eachRecord(e.Data, func(r core.Record) error {
		line := base
		line.Index = index
		line.Record, line.Fields = describe(r)
		if at := timeOf(r); !at.IsZero() {
			line.At = at
		}
		index++
		stopped = fn(line)
		return stopped
	})
	if err != nil && stopped == nil {
		base.Index, base.Problem = index, err.Error()
		return fn(base)
	}
	return stopped
}

// eachRecord decodes the data of an entry. An error of fn ends it and is
// returned; any other matches [core.ErrCorrupt] or [journal.ErrNewer].
func eachRecord(data []byte, fn func(core.Record) error) error {
	if data[0] > core.FormatVersion {
		return fmt.Errorf("records of format %d, this binary reads up to %d: %w", data[0], core.FormatVersion, journal.ErrNewer)
	}
	if data[0] == 0 {
		return fmt.Errorf("records of format 0, which does not exist: %w", core.ErrCorrupt)
	}
	for rest := data[1:]; len(rest) > 0; {
		var r core.Record
		var err error
		if r, rest, err = core.DecodeRecord(rest); err != nil {
			return err
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON returns the flat object that the type's comment describes.
func (r JournalRecord) MarshalJSON() ([]byte, error) {
	head := struct {
		Seq    uint64   `json:"seq"`
		Index  int      `json:"index"`
		Epoch  ha.Epoch `json:"epoch"`
		Node   string   `json:"node"`
		Kind   string   `json:"kind"`
		Record string   `json:"record,omitempty"`
	}{r.Seq, r.Index, r.Epoch, r.Node, r.Kind, r.Record}
	tail := struct {
		Problem string    `json:"problem,omitempty"`
		At      time.Time `json:"at"`
	}{r.Problem, r.At}
	parts := []any{head, tail}
	if r.Fields != nil {
		parts = []any{head, r.Fields, tail}
	}
	out := []byte{'{'}
	for _, part := range parts {
		b, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("encode record %d of entry %d: %w", r.Index, r.Seq, err)
		}
		inner := bytes.TrimSuffix(bytes.TrimPrefix(b, []byte{'{'}), []byte{'}'})
		if len(inner) > 0 && len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, inner...)
	}
	return append(out, '}'), nil
}

// The fields of records as JSON. None may have a name of [JournalRecord]'s own.
type (
	leaderFields struct {
		Leader string   `json:"leader"`
		Epoch  ha.Epoch `json:"leader_epoch"`
	}
	registeredFields struct {
		Worker   ha.WorkerID `json:"worker"`
		Order    uint64      `json:"order"`
		Weight   ha.Weight   `json:"weight"`
		Slots    int         `json:"slots"`
		Name     string      `json:"name,omitempty"`
		Instance string      `json:"instance,omitempty"`
		Direct   bool        `json:"direct,omitempty"`
		Pools    []string    `json:"pools,omitempty"`
		Kinds    []string    `json:"kinds,omitempty"`
	}
	removedFields struct {
		Worker ha.WorkerID `json:"worker"`
		Why    string      `json:"why"`
	}
	activationFields struct {
		Worker  ha.WorkerID `json:"worker"`
		Number  uint64      `json:"number"`
		Outcome ha.Outcome  `json:"outcome,omitempty"`
	}
	numberFields struct {
		Number uint64   `json:"number"`
		Epoch  ha.Epoch `json:"epoch"`
		Lost   bool     `json:"lost,omitempty"`
	}
	restoredFields struct {
		registeredFields
		RegisteredAt time.Time      `json:"registered_at"`
		Activations  uint64         `json:"activations"`
		Running      []numberFields `json:"running"`
		Recent       []numberFields `json:"recent"`
	}
	historyFields struct {
		Tasks  bool     `json:"tasks"`
		First  bool     `json:"first"`
		Orders []uint64 `json:"orders"`
	}
	totalsFields struct {
		leaderFields
		LastActivated time.Time         `json:"last_activated,omitzero"`
		Counts        map[string]uint64 `json:"counts"`
		Registrations uint64            `json:"registrations"`
	}
)

// describe returns the name of the record's kind and its fields.
func describe(r core.Record) (name string, fields any) {
	switch r := r.(type) {
	case core.Elected:
		return "elected", leaderFields{r.Node, r.Epoch}
	case core.Registered:
		return "registered", describeRegistered(r)
	case core.Removed:
		why := map[core.RemovedWhy]string{core.RemovedBye: "bye", core.RemovedSilent: "silent", core.RemovedGone: "gone"}[r.Why]
		return "removed", removedFields{r.Worker, why}
	case core.Activated:
		return "activated", activationFields{Worker: r.Worker, Number: r.Number}
	case core.Ended:
		return "ended", activationFields{Worker: r.Worker, Number: r.Number, Outcome: r.Outcome}
	case core.Begun:
		return "begun", leaderFields{r.Node, r.Epoch}
	case core.Restored:
		return "restored", describeRestored(r)
	case core.History:
		return "history", historyFields{r.Task, r.First, append([]uint64{}, r.Orders...)}
	case core.Totals:
		return "totals", totalsFields{leaderFields{r.Node, r.Epoch}, r.LastActivated, describeCounts(r.Counts), r.Registrations}
	}
	return describeTask(r)
}

func describeRegistered(r core.Registered) registeredFields {
	return registeredFields{
		Worker: r.Worker, Order: r.Order, Weight: r.Weight, Slots: r.Slots, Name: r.Name, Instance: r.Instance,
		Direct: r.Direct, Pools: r.Pools, Kinds: r.Kinds,
	}
}

func describeRestored(r core.Restored) restoredFields {
	f := restoredFields{
		registeredFields: describeRegistered(r.Registered), RegisteredAt: r.At, Activations: r.Activations,
		Running: []numberFields{}, Recent: []numberFields{},
	}
	for _, a := range r.Running {
		f.Running = append(f.Running, numberFields{Number: a.Number, Epoch: a.Epoch})
	}
	for _, a := range r.Recent {
		f.Recent = append(f.Recent, numberFields{a.Number, a.Epoch, a.Lost})
	}
	return f
}

func describeCounts(c core.Counts) map[string]uint64 {
	return map[string]uint64{
		"started": c.Started, "running": c.Running, "done": c.Done, "failed": c.Failed, "cancelled": c.Cancelled,
		"timed_out": c.TimedOut, "rejected": c.Rejected, "losses": c.Losses, "joined": c.Joined, "left": c.Left, "lost": c.Lost,
	}
}

// timeOf returns when what the record says happened; zero where it does not say.
func timeOf(r core.Record) time.Time {
	switch r := r.(type) {
	case core.Elected:
		return r.At
	case core.Registered:
		return r.At
	case core.Removed:
		return r.At
	case core.Activated:
		return r.At
	case core.TaskSubmitted:
		return r.At
	case core.TaskStarted:
		return r.At
	case core.TaskEnded:
		return r.At
	case core.TaskMoved:
		return r.At
	case core.RuleSet:
		return r.At
	}
	return time.Time{}
}
