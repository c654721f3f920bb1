// Package render writes workers, dispatchers, tasks and events for people to read.
// Its functions keep nothing, and may be used concurrently.
package render
