// Package backup saves the journal of dispatchers to a file, and restores it: to
// another server, into a cluster, or after a loss. The journal is all that
// dispatchers know. A running dispatcher does without this package.
//
//	info, err := backup.Save(ctx, nc, "ha", file)      // while dispatchers run
//	info, err = backup.Restore(ctx, other, "ha", file) // before any dispatcher runs there
//
// # Saving
//
// [Save] holds everything that was acknowledged before it began: it asks the stream's
// own leader for the last entry, and copies up to there. It copies entries as they are
// and does not look at the records in them; whether they make sense is for
// dispatcher/audit to say. Nothing reaches the caller's writer before all was read: a
// leader may clean the journal meanwhile, and then the copy begins anew with what is left.
//
// # The file
//
// A line of JSON says what it is and how many entries follow; the entries, in the
// journal's own form; and a trailer. A checksum of everything so far follows each entry
// and the trailer, so what was changed, lost, moved or cut off is noticed, and where.
// The form is described in file.go.
//
// # Restoring
//
// [Restore] trusts neither the file nor the journal. In this order:
//
//  1. It reads the whole file and checks it, before it opens, and maybe creates, the
//     journal. A damaged file changes nothing.
//  2. It compares what the journal holds with the file. Only an empty journal will do, or
//     one in which an earlier attempt broke off: what is there must be the same, byte for
//     byte. The journal that the backup was taken from is refused: it may have a leader.
//  3. It appends the missing entries one by one, by compare-and-set: each names the entry
//     that it follows. A dispatcher that begins to write meanwhile is noticed by that, and
//     the restore ends. An append whose outcome is unknown is looked for before it is repeated.
//  4. It claims the journal, with an epoch higher than any that workers can have seen since
//     the backup was taken, and hands over. So workers obey the next leader, which need not
//     wait for a lease.
//
// Sequences count from 1 in the restored journal, whatever they were.
package backup
