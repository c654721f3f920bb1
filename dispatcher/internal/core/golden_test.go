package core

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the golden transcripts' commands do into testdata")

// TestGolden plays the transcripts in testdata. A line that begins with '>' is a
// command; see script for what there is. The indented lines after it are what it
// did. Everything else explains. To write the indented lines anew:
//
//	go test ./dispatcher/internal/core -run Golden -update
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 26 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := play(string(want))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if at := difference(string(got), string(want)); at != "" {
				t.Errorf("%s: %s\nif that is as it should be: go test ./dispatcher/internal/core -run Golden -update", file, at)
			}
		})
	}
}

// play returns the transcript with what its commands do now.
func play(transcript string) ([]byte, error) {
	s := newScript()
	var out bytes.Buffer
	for i, line := range strings.Split(strings.TrimSuffix(transcript, "\n"), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue // what it did the last time
		}
		fmt.Fprintln(&out, line)
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		if err := s.do(command); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", i+1, command, err)
		}
		for _, line := range s.take() {
			fmt.Fprintln(&out, "  "+line)
		}
	}
	return out.Bytes(), nil
}

// difference says where two texts begin to differ.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "the end", "the end"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\ngot  %s\nwant %s", i+1, a, b)
		}
	}
	return ""
}
