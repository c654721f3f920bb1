//go:build !race

package share

const raceFactor = 1
