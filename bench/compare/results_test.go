package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestRatiosAreToTheBetterPeer(t *testing.T) {
	for name, c := range map[string]struct {
		unit   string
		values map[string]float64
		want   float64
	}{
		"more is better of a rate": {perSecond, map[string]float64{columnHA: 100, columnEverysec: 5, columnAlways: 10, columnRiver: 4}, 10},
		"less is better of a time": {micros, map[string]float64{columnHA: 100, columnEverysec: 700, columnRiver: 500}, 5},
		"ha alone":                 {perSecond, map[string]float64{columnHA: 100}, 0},
		"without ha":               {perSecond, map[string]float64{columnAlways: 100, columnRiver: 10}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var r results
			for column, value := range c.values {
				r.note(name, c.unit, column, value, timesBetter(10))
			}
			r.judge()
			w := r.rows[0]
			if w.Ratio != c.want {
				t.Errorf("%s: the ratio is %v, want %v", name, w.Ratio, c.want)
			}
			if judged := w.Met != nil; judged != (c.want > 0) {
				t.Errorf("%s: judged %v with a ratio of %v", name, judged, w.Ratio)
			} else if judged && *w.Met != (c.want >= 10) {
				t.Errorf("%s: met %v with a ratio of %v", name, *w.Met, w.Ratio)
			}
		})
	}
}

func TestLimitsAreMediansOfTheRounds(t *testing.T) {
	for name, c := range map[string]struct {
		make  func(limit float64) *target
		value float64
		want  bool
	}{
		"at most, under":  {func(l float64) *target { return atMost(l, "") }, 19, true},
		"at most, equal":  {func(l float64) *target { return atMost(l, "") }, 20, true},
		"at most, over":   {func(l float64) *target { return atMost(l, "") }, 21, false},
		"at least, under": {atLeast, 19, false},
		"at least, equal": {atLeast, 20, true},
		"at least, over":  {atLeast, 21, true},
	} {
		t.Run(name, func(t *testing.T) {
			var r results
			for _, limit := range []float64{100, 20, 3} {
				r.note(name, micros, columnHA, c.value, c.make(limit))
			}
			r.judge()
			if w := r.rows[0]; w.Met == nil || *w.Met != c.want {
				t.Errorf("%s: %g against %s is met: %v, want %v", name, c.value, w.Target, w.Met, c.want)
			}
			if r.allMet() != c.want {
				t.Errorf("%s: all met: %v", name, r.allMet())
			}
		})
	}
}

func TestMedians(t *testing.T) {
	var r results
	for _, v := range []float64{9, 1, 4} {
		r.note("x", perSecond, columnRiver, v, nil)
	}
	if m, ok := r.median("x", columnRiver); !ok || m != 4 {
		t.Errorf("the median of 9, 1, 4 is %v, %v", m, ok)
	}
	if _, ok := r.median("x", columnHA); ok {
		t.Error("there is a median of nothing")
	}
	if m := median([]float64{4, 1}); m != 2.5 {
		t.Errorf("the median of 4, 1 is %v", m)
	}
}

func TestNumbersFitTheTable(t *testing.T) {
	for v, want := range map[float64]string{
		0.123: "0.12", 5: "5.00", 99.96: "100.0", 100: "100", 999.6: "1,000", 1234: "1,234", 123456: "123,456", 1234567.8: "1,234,568",
	} {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			if got := number(v); got != want {
				t.Errorf("number(%v) = %q, want %q", v, got, want)
			}
		})
	}
}

func TestEveryRowHasACellForEachColumn(t *testing.T) {
	b := &bench{}
	b.results.note("drain", perSecond, columnHA, 1000, timesBetter(15))
	b.results.note("drain", perSecond, columnRiver, 10, timesBetter(15))
	b.results.note("recovery", "s", columnHA, 6, atMost(5, ""))
	b.results.judge()
	lines := strings.Split(strings.TrimSpace(string(table(b))), "\n")
	want := []string{
		"| drain, tasks/s | 1,000 |  |  | 10.0 | 100 × | ≥ 15 ×: met |",
		"| recovery, s | 6.00 |  |  |  |  | ≤ 5.00 s: missed |",
	}
	for i, line := range lines[len(lines)-2:] {
		if line != want[i] {
			t.Errorf("got  %s\nwant %s", line, want[i])
		}
	}
	for _, line := range lines[len(lines)-4:] {
		if got := strings.Count(line, "|"); got != len(columns)+4 {
			t.Errorf("%d bars in %s", got, line)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-small", "-tasks", "7", "-only", "drain, memory"})
	if err != nil {
		t.Fatal(err)
	}
	if o.tasks != 7 || o.rounds != 1 || !o.runs("drain") || !o.runs("memory") || o.runs("bulk") {
		t.Errorf("got %+v", o)
	}
	for _, args := range [][]string{{"-only", "drian"}, {"-systems", "kafka"}, {"-rounds", "0"}, {"left over"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
