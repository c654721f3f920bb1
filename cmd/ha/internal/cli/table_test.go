package cli

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 1 << 62: "4194304.0 TiB",
	} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			if got := Size(bytes); got != want {
				t.Errorf("%d is %q, want %q", bytes, got, want)
			}
		})
	}
}

func table(t *testing.T, columns int, headings []string, rows ...[]string) string {
	t.Helper()
	var b strings.Builder
	if err := WriteTable(Sized(&b, columns), headings, rows); err != nil {
		t.Fatal(err)
	}
	return "\n" + b.String()
}

func TestTablesFitTheScreen(t *testing.T) {
	headings := []string{"ID", "STATE", "POOL", "PRIORITY", "NOTE"}
	long := []string{"a-task-of-a-long-name-0001", "failed", "default", "0", "exit status 3: cannot read the picture of the day"}
	short := []string{"b", "pending", "default", "0", "-"}
	for columns, want := range map[int]string{
		0: `
ID                          STATE    POOL     PRIORITY  NOTE
a-task-of-a-long-name-0001  failed   default  0         exit status 3: cannot read the picture of the day
b                           pending  default  0         -
`,
		// Without what says nothing it fits.
		86: `
ID                          STATE    NOTE
a-task-of-a-long-name-0001  failed   exit status 3: cannot read the picture of the day
b                           pending  -
`,
		60: `
ID                          STATE    NOTE
a-task-of-a-long-name-0001  failed   exit status 3: cannot …
b                           pending  -
`,
		34: `
ID               STATE    NOTE
a-task-…me-0001  failed   exit st…
b                pending  -
`,
	} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			if got := table(t, columns, headings, long, short); got != want {
				t.Errorf("%s\nwant%s", got, want)
			}
		})
	}
}

// What may be left out is, before anything becomes too short to be understood.
func TestOptionalColumnsAreLeftOutFirst(t *testing.T) {
	var b strings.Builder
	rows := [][]string{{"a-task-of-a-long-name-0001", "failed", "gpu", "exit status 3: cannot read the picture of the day"}, {"b", "pending", "x", "-"}}
	if err := WriteTable(Sized(&b, 58), []string{"ID", "STATE", "POOL", "NOTE"}, rows, "POOL", "STATE"); err != nil {
		t.Fatal(err)
	}
	if got, want := "\n"+b.String(), `
ID                          STATE    NOTE
a-task-of-a-long-name-0001  failed   exit status 3: canno…
b                           pending  -
`; got != want {
		t.Errorf("%s\nwant%s", got, want)
	}
}

// What a cell holds changes neither rows nor columns, and does nothing to the terminal.
func TestACellStaysInItsCell(t *testing.T) {
	got := table(t, 0, []string{"A", "B"}, []string{"x\ty", "\x1b[31m\n\v\u202e"})
	if want := "\nA     B\nx\\ty  \\u001b[31m\\n\\u000b\\u202e\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// However wide the cells are, a table is no wider than the screen, unless that has no
// room for ten letters a column; and without a screen nothing is left out.
func TestNoTableIsWiderThanTheScreen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(rt, "columns")
		cell := rapid.OneOf(rapid.StringMatching(`[a-zé]{0,60}`), rapid.SampledFrom([]string{"-", "0", "default"}), rapid.StringMatching(`[0-9]{1,6}`))
		row := rapid.SliceOfN(cell, n, n)
		headings := rapid.SliceOfN(rapid.StringMatching(`[A-Z]{1,11}`), n, n).Draw(rt, "headings")
		rows := rapid.SliceOfN(row, 1, 4).Draw(rt, "rows")
		whole := table(t, 0, headings, rows...)
		for _, r := range rows {
			for _, c := range r {
				if !strings.Contains(whole, c) {
					rt.Fatalf("%q is not in%s", c, whole)
				}
			}
		}
		const screen = 80
		for line := range strings.Lines(table(t, screen, headings, rows...)) {
			if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > screen {
				rt.Fatalf("%d columns: %s", width, line)
			}
		}
	})
}
