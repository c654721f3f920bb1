//go:build race

package sim

// defaultSeeds is lower with the race detector, which looks at the harness here:
// the worlds themselves have one goroutine each.
const defaultSeeds = 50
