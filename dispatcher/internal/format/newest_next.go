//go:build ha_next_format

package format

// Newest is one more than in a program that is built without the tag ha_next_format, so
// that tests have a program of the next version. The formats 3 and 4 do not differ.
const Newest = 4
