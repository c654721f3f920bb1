package tasks

import (
	"bufio"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

// SomeIDs allows for one or more arguments, each a task's id or "-".
func SomeIDs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cli.BadUsage("at least one task is wanted, by its id; or \"-\" for those on standard input")
	}
	for _, id := range args {
		if id != "-" && !ha.ValidToken(id) {
			return BadID(id)
		}
	}
	return nil
}

// BadID returns the usage error for an id that is none.
func BadID(id string) error {
	return cli.BadUsage("the id of a task is 1 to %d letters, digits, '_' and '-', got %s", ha.MaxToken, subjects.Quote(id))
}

// readIDs puts the ids that standard input holds, in words, in the place of "-".
// Each is there once.
func readIDs(args []string, stdin io.Reader) ([]ha.TaskID, error) {
	var ids []ha.TaskID
	seen := map[string]bool{}
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, ha.TaskID(id))
		}
	}
	for _, arg := range args {
		if arg != "-" {
			add(arg)
			continue
		}
		words := bufio.NewScanner(cli.Text(stdin))
		words.Split(bufio.ScanWords)
		for words.Scan() {
			if !ha.ValidToken(words.Text()) {
				return nil, BadID(words.Text())
			}
			add(words.Text())
		}
		if err := words.Err(); err != nil {
			return nil, fmt.Errorf("read ids from standard input: %w", err)
		}
	}
	return ids, nil
}
