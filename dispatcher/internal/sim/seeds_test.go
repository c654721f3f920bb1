//go:build !race

package sim

// defaultSeeds is how many worlds a test run plays.
const defaultSeeds = 150
