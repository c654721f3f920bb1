// Package subjects is the wire: the names of the subjects, the messages that
// travel on them, their limits and their validation. docs/protocol.md is the
// same contract for readers who do not write Go.
//
// Building and parsing of names is [Names]; every message has a struct and a
// Decode function that returns an [*ha.Error] saying what was wrong and what is
// allowed. All functions are pure and may be used concurrently.
package subjects
