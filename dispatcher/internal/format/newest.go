//go:build !ha_next_format

package format

// Newest is the newest format that this program reads and writes. Format 2 added the
// clocks and the predecessor of a claim to the entries, and records about the clock and
// the format itself. Format 3 added types of records: what they are about is refused in a journal of an
// older format. A type that an older format has is as it was.
const Newest = 3
