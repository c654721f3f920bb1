//go:build !ha_next_format

package format

// Newest is the newest format that this program reads and writes. Format 2 added the
// clocks and the predecessor of a claim to the entries, and records about the clock and
// the format itself.
const Newest = 2
