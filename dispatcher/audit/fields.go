package audit

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// The fields of records as JSON. None may have a name of [Record]'s own.
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
