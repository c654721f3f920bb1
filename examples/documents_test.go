package examples_test

// The programs that the documents show are compiled here and not in the root, whose
// test would be linked with a NATS server for it.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	// All that the programs need is built before, by the go command that runs the tests.
	// Otherwise, where nothing is in Go's cache yet, two would build the same at once.
	_ "github.com/seed261fe303/ha/hatest"
)

var shown = regexp.MustCompile("(?s)\n```go\n(package main\n.*?\n)```\n")

// TestProgramsOfTheDocumentsBuild compiles them as they stand there. "go test" does so,
// and vets them, without linking; "go vet" would have all packages below them looked
// at anew, since it asks for more than the tests around have done.
func TestProgramsOfTheDocumentsBuild(t *testing.T) {
	for document, atLeast := range map[string]int{"README.md": 1, "docs/tasks.md": 2} {
		text, err := os.ReadFile(filepath.Join("..", document))
		if err != nil {
			t.Fatal(err)
		}
		programs := shown.FindAllSubmatch(text, -1)
		if len(programs) < atLeast {
			t.Errorf("%s shows %d programs", document, len(programs))
		}
		for i, p := range programs {
			t.Run(fmt.Sprintf("%s %d", filepath.Base(document), i+1), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "main.go")
				if err := os.WriteFile(file, p[1], 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.CommandContext(t.Context(), "go", "test", file).CombinedOutput(); err != nil {
					t.Errorf("it does not compile: %v\n%s", err, out)
				}
			})
		}
	}
}
