// Package subjects is the wire: the names of the subjects, the messages that
// travel on them, their limits and their validation. docs/protocol.md is the
// same contract for readers who do not write Go.
//
// [Names] builds and parses subjects. [Requests] is the table of requests: for each its
// name, its subject, its messages and the roles that may send it. Each message stands in
// the file of its topic, as a struct, a Decode function that returns an [*ha.Error]
// saying what was wrong and what is allowed, and an Append function if it is written
// often. All functions are pure and may be used concurrently.
package subjects
