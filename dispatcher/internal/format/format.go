package format

// Oldest is the oldest format that this program reads and writes.
const Oldest = 1

// Entry returns the version byte of an entry of the journal in format f.
func Entry(f int) byte { return byte(f) }

// Records returns the version byte of the records in an entry of format f.
func Records(f int) byte { return byte(f + 1) }
