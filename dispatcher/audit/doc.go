// Package audit looks into the journal of dispatchers, and verifies it. It is for
// people and for programs that watch over a deployment; a running dispatcher does
// without it.
//
//	i, err := audit.Open(ctx, nc, "ha")
//	err = i.Records(ctx, 0, false, func(r audit.Record) error { … })
//	report, err := i.Verify(ctx)
//
// # What it does not touch
//
// An [Inspector] reads the stream in JetStream and nothing else. It never writes,
// creates, repairs or cleans, and asks no dispatcher. Dispatchers may run meanwhile:
// what is looked at ends with what was the last entry when the call began, unless
// [Inspector.Records] is told to follow.
//
// # Records
//
// [Inspector.Records] shows entries in the order of the journal, and the records of an
// entry in the order in which the leader decided them. What cannot be decoded is shown
// as a [Record] with a Problem, and reading goes on behind it: damage is what people
// come for. Payloads and results are shown by their length only.
//
// # Verifying
//
// [Inspector.Verify] trusts the server to hand out the messages that it has, in the
// order of their sequences. It takes nothing else for granted, and checks in this order:
//
//  1. No entry is missing, between two others, at the end, or before the first: a journal
//     begins with its first claim or, if it was cleaned, with a snapshot.
//  2. Each entry decodes, and is of a format that this version reads.
//  3. Each epoch has one writer: it begins with a claim, its entries are counted without a
//     gap, nothing follows its abdication, and epochs never fall.
//  4. Each record can follow those before it. The state machine that dispatchers run
//     replays them, and the leader that was elected last must be the one that wrote them.
//  5. The counters add up. A tally that shares no code with the state machine counts
//     workers, activations and tasks by itself, and the two are compared after every
//     record, and with the totals of each snapshot.
//
// After the first record that cannot follow, or a gap, the state is not known any more:
// the rest is decoded, and checked for its writers, but not replayed. So the first
// [Problem] is the one to look at.
//
// A leader may clean the journal while it is verified. Then verifying begins anew, with
// what is left.
package audit
