// Package ha is the vocabulary of a highly available dispatcher of weighted
// workers on NATS: the named types and the sentinel errors that every other
// package of this module speaks in.
//
// Nothing here does I/O. To run a dispatcher see package dispatcher, to be a
// worker see package worker, for the wire see package subjects, and to have
// the NATS server in the same process see package embedded.
package ha
