package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// report prints the table, and writes the file where one is asked for.
func report(b *bench, file string) error {
	if _, err := os.Stdout.Write(table(b)); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	if file == "" {
		return nil
	}
	out, err := json.MarshalIndent(map[string]any{"machine": b.facts, "command": os.Args[1:], "rounds": b.o.rounds, "results": b.results.rows}, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.WriteFile(file, append(out, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// table is what is printed, in Markdown.
func table(b *bench) (out []byte) {
	for _, fact := range b.facts {
		out = fmt.Appendf(out, "- %s: %s\n", fact.Name, fact.Value)
	}
	out = fmt.Appendf(out, "- medians of %d rounds\n\n", b.o.rounds)
	header := append(append([]string{"scenario"}, columns...), "ratio to the better peer", "target")
	out = fmt.Appendf(out, "| %s |\n|---%s---|\n", strings.Join(header, " | "), strings.Repeat("|---:", len(columns)+1)+"|")
	for _, w := range b.results.rows {
		out = fmt.Appendf(out, "| %s |\n", strings.Join(w.cells(), " | "))
	}
	return out
}

func (w *row) cells() []string {
	name := w.Name
	if w.Unit != "" {
		name += ", " + w.Unit
	}
	cells := []string{name}
	for _, column := range columns {
		cell := ""
		if v, ok := w.Medians[column]; ok {
			cell = number(v)
		}
		cells = append(cells, cell)
	}
	ratio := ""
	if w.Ratio > 0 {
		ratio = number(w.Ratio) + " ×"
	}
	verdict := w.Target
	if w.Met != nil && *w.Met {
		verdict += ": met"
	} else if w.Met != nil {
		verdict += ": missed"
	}
	return append(cells, ratio, verdict)
}
