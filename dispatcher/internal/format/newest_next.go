//go:build ha_next_format

package format

// Newest is one more than in a program that is built without the tag ha_next_format, so
// that tests have a program of the next version. The formats 2 and 3 do not differ.
const Newest = 3
