package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Units of rows.
const (
	perSecond = "tasks/s"
	micros    = "µs"
)

// target is what a row is to reach. Exactly one of times and limit is set.
type target struct {
	// times: ha must be so many times the better peer.
	times float64
	// limit of ha, upper or lower.
	limit float64
	upper bool
	// text says what the limit follows from, where it does from something.
	text string
}

// timesBetter wants ha to be so many times the better peer.
func timesBetter(times float64) *target { return &target{times: times} }

// atMost wants ha to be at most limit.
func atMost(limit float64, text string) *target {
	return &target{limit: limit, upper: true, text: text}
}

// atLeast wants ha to be at least limit.
func atLeast(limit float64) *target { return &target{limit: limit} }

// row is one of the table.
type row struct {
	Name string `json:"scenario"`
	Unit string `json:"unit"`
	// Values are those of each round, by column, Medians what the table shows.
	Values  map[string][]float64 `json:"values"`
	Medians map[string]float64   `json:"medians"`
	// Ratio is how many times ha is the better peer; 0: there is nothing to compare.
	Ratio float64 `json:"ratio,omitempty"`
	// Target is empty where there is none, and Met then nil, as it is where the target
	// could not be judged.
	Target string `json:"target,omitempty"`
	Met    *bool  `json:"met,omitempty"`

	targets []*target // of each round
}

// results are the rows, in the order in which they were first measured.
type results struct {
	rows []*row
}

// note adds a value of one round.
func (r *results) note(name, unit, column string, value float64, t *target) {
	i := slices.IndexFunc(r.rows, func(w *row) bool { return w.Name == name })
	if i < 0 {
		i = len(r.rows)
		r.rows = append(r.rows, &row{Name: name, Unit: unit, Values: map[string][]float64{}})
	}
	w := r.rows[i]
	w.Values[column] = append(w.Values[column], value)
	if t != nil && column == columnHA {
		w.targets = append(w.targets, t)
	}
}

// median is that of the rounds so far.
func (r *results) median(name, column string) (float64, bool) {
	for _, w := range r.rows {
		if w.Name == name && len(w.Values[column]) > 0 {
			return median(w.Values[column]), true
		}
	}
	return 0, false
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// judge fills in what follows from the values.
func (r *results) judge() {
	for _, w := range r.rows {
		w.judge()
	}
}

func (w *row) judge() {
	w.Medians = map[string]float64{}
	best := math.NaN()
	for _, column := range columns {
		if len(w.Values[column]) == 0 {
			continue
		}
		w.Medians[column] = median(w.Values[column])
		if column != columnHA && (math.IsNaN(best) || w.better(w.Medians[column], best)) {
			best = w.Medians[column]
		}
	}
	own, measured := w.Medians[columnHA]
	if measured && !math.IsNaN(best) && own > 0 && best > 0 {
		w.Ratio = own / best
		if w.Unit != perSecond {
			w.Ratio = best / own
		}
	}
	if len(w.targets) == 0 {
		return
	}
	t := w.targets[0]
	if t.times > 0 {
		w.Target = fmt.Sprintf("≥ %g ×", t.times)
		if w.Ratio > 0 {
			w.met(w.Ratio >= t.times)
		}
		return
	}
	limits := make([]float64, 0, len(w.targets))
	for _, t := range w.targets {
		limits = append(limits, t.limit)
	}
	limit := median(limits)
	sign := "≥"
	if t.upper {
		sign = "≤"
	}
	w.Target = strings.TrimSpace(fmt.Sprintf("%s %s %s", sign, number(limit), w.Unit))
	if t.text != "" {
		w.Target = fmt.Sprintf("%s = %s %s", t.text, number(limit), w.Unit)
	}
	w.met(own == limit || own < limit == t.upper)
}

// better: more is of what is counted by the second, and less of a time.
func (w *row) better(a, b float64) bool {
	if w.Unit == perSecond {
		return a > b
	}
	return a < b
}

func (w *row) met(yes bool) { w.Met = &yes }

func (r *results) allMet() bool {
	return !slices.ContainsFunc(r.rows, func(w *row) bool { return w.Met != nil && !*w.Met })
}

// number writes what fits a table: four digits, and thousands apart.
func number(v float64) string {
	switch {
	case v >= 100:
		return grouped(v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func grouped(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
