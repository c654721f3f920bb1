// Package step holds the ports of the dispatcher's state machine: what goes in
// ([Input]), what comes out ([Reply], and in a [Ready] the records to append and the
// [Effect]s to perform once they are committed), and what its parts have in common
// ([Common]). It decides nothing.
package step
