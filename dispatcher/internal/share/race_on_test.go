//go:build race

package share

// raceFactor divides the work of the longest tests under the race detector,
// which has nothing to find in a package without goroutines.
const raceFactor = 20
