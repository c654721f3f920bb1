// Package connect decides which NATS server a process of ours talks to, and with
// which settings.
//
// # Which server
//
// The first of these that says something names the server:
//
//  1. what the caller was given, such as --server: [Config.URL]
//  2. the environment's NATS_URL
//  3. a nats context that was named, by [Config.Context] or by NATS_CONTEXT
//  4. the nats context that "nats context select" selected
//  5. nats://127.0.0.1:4222
//
// [Config.Resolve] answers with the server and with the [Source] that named it, so
// that a program may start a server of its own where nobody named one.
//
// Credentials are taken from [Config.Creds], else from the file that NATS_CREDS
// names, else from the context. A context that was named lends its credentials and
// its TLS settings whichever way the server was named: whoever wrote both meant
// both. The selected context is different. It is a habit of the machine, perhaps of
// months ago, so it counts only where it names the server too, and its password is
// never sent to a server that NATS_URL names. Where it does not count its file is
// not even read, and a broken one does no harm.
//
// # With which settings
//
// [Options] holds what every connection of ours needs. The client's defaults suit
// programs that can wait; ours promise that work goes on within seconds:
//
//   - Pings go out every 2 s and two may be unanswered, so a frozen server is
//     noticed within 6 s, not 6 min.
//   - Reconnecting never ends, not even when the server refuses the credentials
//     twice, which makes the client give up by default: during a change of
//     credentials both sides are out of step for a while. An attempt follows a
//     pause of 250 to 500 ms, at random, so that a fleet does not come back in one
//     instant.
//   - Nothing is kept for later while disconnected. A publish fails at once and the
//     caller, who alone knows whether it still makes sense, repeats it. The
//     client's default is to send up to 8 MiB of old requests to whoever answers
//     next.
//   - What happens to the connection is logged, with the fields "connection" (its
//     name), "server", "error", and for a subscription "subject". A subscription
//     that is too slow drops messages; the line says how many. No line holds a
//     password or a token.
//
// # The first connection
//
// [Dial] either connects or says why not, naming the server and its source. Each
// server gets [Config.Timeout] for accepting, and as much for answering: one that
// accepts and stays silent costs no more than one that is not there. With
// [Config.Wait] it tries again until the context ends. The client could do that
// itself (RetryOnFailedConnect), but it returns a connection that is not one yet,
// and every later step would have to know. Credentials that the server refuses end
// the wait: they will not get better by themselves before there has been one
// connection, and the person who typed them is there to see it.
package connect
