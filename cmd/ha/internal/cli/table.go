package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes rows in columns under their headings, all but the last
// padded to the widest cell.
func WriteTable(w io.Writer, headings []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
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
