package bench

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// Report is what "ha bench --json" prints.
type Report struct {
	Tasks        int `json:"tasks"`
	Batch        int `json:"batch"`
	Submitters   int `json:"submitters"`
	Workers      int `json:"workers"`
	Slots        int `json:"slots"`
	PayloadBytes int `json:"payload_bytes"`
	// SubmittedPerSecond counts tasks acknowledged as durable, CompletedPerSecond those
	// that went all the way, from the first submission to the last completion.
	SubmittedPerSecond float64 `json:"submitted_per_second"`
	CompletedPerSecond float64 `json:"completed_per_second"`
	// RoundTrip is a request over NATS to another connection.
	RoundTrip Percentiles `json:"nats_round_trip"`
	// The latencies of tasks one after the other: to the answer of the submission, to
	// the start of the handler, to the event of the completion.
	SingleAnswered  Percentiles `json:"single_answered"`
	SingleStarted   Percentiles `json:"single_started"`
	SingleCompleted Percentiles `json:"single_completed"`
	// The latencies of tasks under load.
	LoadStarted   Percentiles `json:"load_started"`
	LoadCompleted Percentiles `json:"load_completed"`
}

// Percentiles are of durations, in milliseconds.
type Percentiles struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// percentilesOf sorts the list. A percentile is the least value that so many of
// all do not exceed.
func percentilesOf(list []time.Duration) Percentiles {
	if len(list) == 0 {
		return Percentiles{}
	}
	slices.Sort(list)
	at := func(percent int) float64 {
		i := (len(list)*percent + 99) / 100
		return float64(list[max(i, 1)-1]) / float64(time.Millisecond)
	}
	return Percentiles{Count: len(list), P50: at(50), P90: at(90), P99: at(99), Max: at(100)}
}

// fill completes the report with what was measured.
func (b *Measurement) fill(r *Report, answers []time.Duration, submitted time.Duration) {
	singles, total := b.flags.Singles, b.flags.Singles+b.flags.Tasks
	r.SingleAnswered = percentilesOf(answers)
	starts, ends := b.times.latencies(0, singles)
	r.SingleStarted, r.SingleCompleted = percentilesOf(starts), percentilesOf(ends)
	starts, ends = b.times.latencies(singles, total)
	r.LoadStarted, r.LoadCompleted = percentilesOf(starts), percentilesOf(ends)
	perSecond := func(took time.Duration) float64 { return float64(b.flags.Tasks) / max(took.Seconds(), 1e-9) }
	r.SubmittedPerSecond, r.CompletedPerSecond = perSecond(submitted), perSecond(b.times.span(singles, total))
}

// WriteReport shows the report to people.
func WriteReport(w io.Writer, r Report) error {
	_, err := fmt.Fprintf(w, `
%d tasks of %d bytes, %d at a time by each of %d submitters;
%d workers of %d slots

  submitted  %.0f a second
  completed  %.0f a second

`, r.Tasks, r.PayloadBytes, r.Batch, r.Submitters, r.Workers, r.Slots, r.SubmittedPerSecond, r.CompletedPerSecond)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, m := range []struct {
		name string
		p    Percentiles
	}{
		{"NATS request and reply", r.RoundTrip},
		{"one task: submit to answer", r.SingleAnswered},
		{"one task: submit to start", r.SingleStarted},
		{"one task: submit to completed", r.SingleCompleted},
		{"under load: submit to start", r.LoadStarted},
		{"under load: submit to completed", r.LoadCompleted},
	} {
		if m.p.Count == 0 {
			continue
		}
		row := []string{m.name}
		for _, ms := range []float64{m.p.P50, m.p.P90, m.p.P99, m.p.Max} {
			row = append(row, fmt.Sprintf("%.2f ms", ms))
		}
		rows = append(rows, row)
	}
	return cli.WriteTable(w, []string{"LATENCY", "P50", "P90", "P99", "MAX"}, rows)
}
