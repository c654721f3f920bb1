package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Times is a sample of durations.
type Times []time.Duration

// Quantile returns the smallest of t that at least the part q of t, 0 to 1, does
// not exceed (the nearest rank), or 0 of none.
func (t Times) Quantile(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	rank := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// MarshalJSON writes milliseconds with three decimals, and no more.
func (t Times) MarshalJSON() ([]byte, error) {
	ms := make([]json.RawMessage, len(t))
	for i, d := range t {
		ms[i] = json.RawMessage(fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond)))
	}
	return json.Marshal(ms)
}

// Check is one bound and what was found.
type Check struct {
	Name string `json:"name"`
	Got  string `json:"got"`
	Want string `json:"want"`
	OK   bool   `json:"ok"`
}

// Scenario is one part of a [Report]. It must not be used concurrently.
type Scenario struct {
	Name   string   `json:"name"`
	About  string   `json:"about"`
	Times  Times    `json:"times_ms,omitempty"`
	Checks []Check  `json:"checks"`
	Rows   []Row    `json:"rows,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// Row is a line of a scenario's own table. The rows of a report have the same columns.
type Row struct {
	Label   string   `json:"label"`
	Figures []Figure `json:"figures"`
}

// Figure is one cell, below the name of its column.
type Figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Below checks that got is less than limit.
func (s *Scenario) Below(name string, got, limit time.Duration) {
	s.Checks = append(s.Checks, Check{name, round(got), "< " + round(limit), got < limit})
}

// None checks that there is none of what must not be; the first few are noted.
func (s *Scenario) None(name string, found []string) {
	s.Checks = append(s.Checks, Check{name, fmt.Sprint(len(found)), "0", len(found) == 0})
	for _, f := range found[:min(len(found), 5)] {
		s.Note("%s: %s", name, f)
	}
}

// Equal checks a number.
func (s *Scenario) Equal(name string, got, want int) {
	s.Checks = append(s.Checks, Check{name, fmt.Sprint(got), fmt.Sprint(want), got == want})
}

// Note adds what is worth knowing and bound by nothing.
func (s *Scenario) Note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// OK reports whether every check holds.
func (s *Scenario) OK() bool {
	return !slices.ContainsFunc(s.Checks, func(c Check) bool { return !c.OK })
}

// Report is what a run found.
type Report struct {
	Command   []string      `json:"command"`
	Seed      uint64        `json:"seed"`
	Machine   string        `json:"machine"`
	Began     time.Time     `json:"began"`
	Seconds   float64       `json:"seconds"`
	Scenarios []*Scenario   `json:"scenarios"`
	Slack     float64       `json:"slack"` // what the bounds on times were multiplied by
	OK        bool          `json:"ok"`
	took      time.Duration // the same as Seconds
}

// NewReport begins one, now.
func NewReport(seed uint64, slack float64) *Report {
	return &Report{Command: os.Args, Seed: seed, Machine: machine(), Began: time.Now().UTC(), Slack: slack}
}

// Finish notes how long it took and whether all is well. complete says whether
// every scenario came to its end.
func (r *Report) Finish(complete bool) {
	r.took = time.Since(r.Began)
	r.Seconds = r.took.Seconds()
	r.OK = complete && !slices.ContainsFunc(r.Scenarios, func(s *Scenario) bool { return !s.OK() })
}

// Write prints the tables.
func (r *Report) Write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	// What cannot be written stays in out, whose Flush returns the error.
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	line("%s\nseed %d, %s", r.Machine, r.Seed, r.took.Round(time.Second))
	line("")
	line("scenario\tn\tmin\tmedian\tp95\tworst")
	for _, s := range r.Scenarios {
		if len(s.Times) > 0 {
			line("%s\t%d\t%s\t%s\t%s\t%s", s.Name, len(s.Times), round(s.Times.Quantile(0)), round(s.Times.Quantile(0.5)),
				round(s.Times.Quantile(0.95)), round(s.Times.Quantile(1)))
		}
	}
	r.writeRows(line)
	line("")
	line("scenario\tcheck\tgot\twant\t")
	for _, s := range r.Scenarios {
		for _, c := range s.Checks {
			verdict := "ok"
			if !c.OK {
				verdict = "MISSED"
			}
			line("%s\t%s\t%s\t%s\t%s", s.Name, c.Name, c.Got, c.Want, verdict)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, s := range r.Scenarios {
		for _, n := range s.Notes {
			if _, err := fmt.Fprintf(w, "%s: %s\n", s.Name, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeRows prints the table of the scenarios' own rows, if there are any.
func (r *Report) writeRows(line func(string, ...any)) {
	begun := false
	for _, s := range r.Scenarios {
		for _, row := range s.Rows {
			names, values := make([]string, len(row.Figures)), make([]string, len(row.Figures))
			for i, f := range row.Figures {
				names[i], values[i] = f.Name, f.Value
			}
			if !begun {
				line("")
				line("scenario\t\t%s", strings.Join(names, "\t"))
				begun = true
			}
			line("%s\t%s\t%s", s.Name, row.Label, strings.Join(values, "\t"))
		}
	}
}

// Save writes the report to a file as JSON; no path: nowhere.
func (r *Report) Save(path string) error {
	if path == "" {
		return nil
	}
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("save the report: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o600); err != nil { // #nosec G703 -- the file that -json names
		return fmt.Errorf("save the report: %w", err)
	}
	return nil
}

func round(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// machine says what the figures were taken on, as far as the system tells.
func machine() string {
	text := fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if model := cpuModel(); model != "" {
		text = model + ", " + text
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if words := strings.Fields(string(load)); len(words) > 0 {
			text += ", load " + words[0]
		}
	}
	return text
}

func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
