// Package embedded runs a NATS server inside this process.
//
// It is the only package of this module that imports nats-server. Everybody else
// sees a [Server]: an address to connect to, a way to connect without one, and a
// channel that tells when it is gone.
//
// # Life of a server
//
//	Start ──► starting ──► serving ──► Shutdown ──► stopped     Done closed, Err nil
//	              │            │
//	              └── failed ◄─┘                                Done closed, Err set
//
// [Start] returns once clients can connect, or with an error and nothing left
// running. A context that ends while the server starts stops it; a context that
// ends afterwards does nothing, because who started a server decides on the order
// in which it and its clients stop. [Server.Shutdown] stops it. A server that
// failed must be shut down as well: the failure is a report, not a clean-up.
//
// # What a failure is
//
// nats-server reports what it cannot live with to its logger's Fatalf and relies on
// that call to end the process. Ours does not: it logs an error, marks the server
// failed and returns, so that the process can stop its other parts in order. Every
// failure of a start is reported before the server's own start returns, by the same
// goroutine, so looking at the mark after that return misses none. The address is
// tried before anything else happens, because a busy port is by far the likeliest
// failure and the store need not be opened to find it; the server may still lose
// the port between that trial and its own attempt, and the two end in the same
// [ErrPortInUse].
//
// # The store
//
// With a StoreDir, JetStream's files are below it, in "jetstream", next to three of
// ours:
//
//   - "server.lock" is locked while a server runs. Two servers over one store would
//     destroy it, and nats-server does not look; the second one gets
//     [ErrStoreInUse]. The operating system drops the lock with the process,
//     however it dies. Where it has no such locks (Windows, Solaris) nothing is
//     checked.
//   - "server-name" holds the server's name from the first start on. Peers know a
//     server by its name, so a store that changed its name would be a stranger to
//     them. A start with another name is refused with [ErrNameMismatch].
//   - "mode" says whether the store is a standalone server's or belongs to a member
//     of a cluster. A cluster deletes, half a minute after its start, the streams of
//     a standalone server that it finds in its store; so a start in the other mode
//     is refused with [ErrStoreMode]. A store that was written before there was this
//     file is judged by what is in it, and a standalone server's without streams may
//     become a cluster's. With JetStream off, nothing is looked at and nothing noted.
//
// Without a StoreDir, JetStream works in a temporary directory that Shutdown
// removes. A killed process leaves it behind.
//
// JetStream's default is to acknowledge first and to call fsync up to two minutes
// later. Here an acknowledged message is on disk: SyncAlways is on, without a
// switch, since what the dispatcher promises rests on it.
//
// # A cluster
//
// With a ClusterListen the server is one of several that keep replicas of their
// streams. [Start] returns when peers can connect, not when they have:
// [Server.JetStreamReady] waits until more than half of the servers have found each
// other and chosen one to lead. A new cluster takes the number of its Routes for
// its size, which is why these name every server.
//
// [Server.Shutdown] hands what the server leads to its peers, which takes a
// fraction of a second. After a crash they notice by silence and vote, which takes
// 4 to 9 s and cannot be tuned. A peer that stays connected and does not answer is
// dropped within 2.4 s.
//
// A server that is left with no more than half of the cluster turns its JetStream off, and on
// again when it sees more: [Server.StoreApart]. So it raises no terms while it is alone, which
// would stop the others when it is back.
//
// The servers trust whoever reaches ClusterListen: keep it, as Listen, inside a
// network where that is right.
//
// # Requests over the limit
//
// The server disconnects a client that sends more than the maximum payload, in the
// middle of whatever else the client was doing. The default limit here is 8 MiB,
// well above what the protocol accepts, so that a request that is too large reaches
// someone who can answer it with a reason.
//
// # The log
//
// The server tells much that only matters when something is wrong. Its notices
// become debug lines, its debug lines trace lines; warnings and errors keep their
// level. While the servers of a cluster wait for each other, a warning says so, and one
// line at level info that they have found each other. Every line carries the field "nats_server" with the server's name.
package embedded
