// Package mark keeps, in a file outside of the journal, how far the journal was. A store that
// lost its end, or was replaced by an older one, looks whole by itself: its last entries are
// simply not there. Whoever has a mark notices.
//
// A file holds one position, written at every entry that was committed or followed, without
// waiting for the disk. So it survives the end of the process whatever ends it; it is synced each
// second, and when it is closed, so that a loss of power costs it a second. A mark that is too low is
// harmless: it notices less. One that is too high would be wrong, so the position is written only
// after the entry is in the journal.
package mark
