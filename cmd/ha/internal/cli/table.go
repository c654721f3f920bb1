package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/seed261fe303/ha/internal/text"
)

// WriteTable writes rows in columns under their headings, all but the last padded to the
// widest cell. A table that is wider than what w has room for, see [Width], is made to
// fit: columns that say nothing are left out, then those of the optional headings, the
// first of them first, and long cells and headings are cut.
func WriteTable(w io.Writer, headings []string, rows [][]string, optional ...string) error {
	table := escapedCells(append([][]string{headings}, rows...))
	if width := Width(w); width > 0 {
		table = fitted(table, width, optional)
	}
	return align(w, table)
}

// WriteList writes what there is to say of one thing, a name and a value a row. Values are
// never cut.
func WriteList(w io.Writer, rows [][]string) error { return align(w, escapedCells(rows)) }

func escapedCells(table [][]string) [][]string {
	safe := make([][]string, len(table))
	for i, row := range table {
		safe[i] = make([]string, len(row))
		for j, cell := range row {
			safe[i][j] = text.Escape(cell)
		}
	}
	return safe
}

func align(w io.Writer, table [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, gap, ' ', 0)
	for _, row := range table {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// OrDash returns s, or "-" in place of nothing.
func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Size returns a number of bytes in the unit that fits.
func Size(bytes uint64) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	n, unit := float64(bytes)/(1<<10), "KiB"
	for _, next := range []string{"MiB", "GiB", "TiB"} {
		if n < 1<<10 {
			break
		}
		n, unit = n/(1<<10), next
	}
	return fmt.Sprintf("%.1f %s", n, unit)
}

const (
	// gap is how many blanks are between two columns.
	gap = 2
	// leastCell is how short a cell of words may be cut, leastHeading how short a heading
	// may. To shortCell cells are cut before columns are left out for it. What is no longer
	// than wholeCell, as numbers, states and ages are, is never cut.
	leastCell    = 8
	leastHeading = 4
	shortCell    = 20
	wholeCell    = 10
)

// fitted returns the table, whose first row are headings, for so many columns of a
// screen. One that does not fit in any case is as narrow as it can be.
func fitted(table [][]string, width int, optional []string) [][]string {
	f := fitting{table: table}
	f.measure()
	for f.over(width) > 0 && f.dropDull() {
		f.measure()
	}
	for {
		f.shrink(width, shortCell, len(f.widths)-1)
		f.shrink(width, shortCell, f.middle()...)
		f.shrinkHeadings(width)
		if f.over(width) <= 0 || len(optional) == 0 {
			break
		}
		f.drop(slices.Index(f.table[0], optional[0]))
		optional = optional[1:]
		f.measure()
	}
	for least := shortCell; least >= leastCell; least -= 4 {
		f.shrink(width, least, f.middle()...)
		f.shrink(width, least, len(f.widths)-1)
	}
	f.shrink(width, leastCell, 0)
	return f.cut()
}

// fitting is a table that is made to fit: its columns' widths, and those of their cells
// alone, without the heading.
type fitting struct {
	table          [][]string
	widths, bodies []int
}

func (f *fitting) measure() {
	n := len(f.table[0])
	f.widths, f.bodies = make([]int, n), make([]int, n)
	for i, row := range f.table {
		for j, cell := range row {
			f.widths[j] = max(f.widths[j], runes(cell))
			if i > 0 {
				f.bodies[j] = max(f.bodies[j], runes(cell))
			}
		}
	}
}

// over is by how much the table is too wide.
func (f *fitting) over(width int) int {
	total := -gap
	for _, w := range f.widths {
		total += w + gap
	}
	return total - width
}

func (f *fitting) middle() (columns []int) {
	for j := 1; j < len(f.widths)-1; j++ {
		columns = append(columns, j)
	}
	return columns
}

// dropDull leaves out the widest column of which no row says anything, and reports whether
// there was one.
func (f *fitting) dropDull() bool {
	dullest := -1
	for j := 1; j < len(f.widths); j++ {
		dull := len(f.table) > 1 && !slices.ContainsFunc(f.table[1:], func(row []string) bool {
			return !slices.Contains([]string{"-", "0", "default"}, row[j])
		})
		if dull && (dullest < 0 || f.widths[j] > f.widths[dullest]) {
			dullest = j
		}
	}
	f.drop(dullest)
	return dullest >= 0
}

// drop leaves out a column; less than 0: none.
func (f *fitting) drop(column int) {
	if column < 0 {
		return
	}
	for i, row := range f.table {
		f.table[i] = slices.Delete(slices.Clone(row), column, column+1)
	}
}

// shrink takes from the widest of the columns, of those with words in them, until the
// table fits or all of them are at the least width.
func (f *fitting) shrink(width, least int, columns ...int) {
	for f.over(width) > 0 {
		widest := -1
		for _, j := range columns {
			if f.widths[j] > least && f.bodies[j] > max(least, wholeCell) && (widest < 0 || f.widths[j] > f.widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			return
		}
		f.widths[widest]--
	}
}

// shrinkHeadings takes from the columns whose heading is wider than what is below it.
func (f *fitting) shrinkHeadings(width int) {
	for f.over(width) > 0 {
		widest := -1
		for j, w := range f.widths {
			if w > max(f.bodies[j], leastHeading) && (widest < 0 || w > f.widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			return
		}
		f.widths[widest]--
	}
}

// cut shortens the cells to the widths. The beginning and the end tell names apart, of
// headings and of what stands last the beginning says most.
func (f *fitting) cut() [][]string {
	for i, row := range f.table {
		for j, cell := range row {
			row[j] = shortened(cell, f.widths[j], i > 0 && j < len(row)-1)
		}
	}
	return f.table
}

// shortened returns s, or if that is longer, as much of it as fits around an ellipsis.
func shortened(s string, most int, middle bool) string {
	all := []rune(s)
	if len(all) <= most || most < 1 {
		return s
	}
	tail := 0
	if middle {
		tail = (most - 1) / 2
	}
	return string(all[:most-1-tail]) + "…" + string(all[len(all)-tail:])
}

func runes(s string) int { return len([]rune(s)) }
