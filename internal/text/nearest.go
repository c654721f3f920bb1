package text

import "strings"

// Nearest returns which of the known words somebody meant who wrote another, and whether
// there is one: one that differs by a letter or two that were changed, left out, added or
// swapped with their neighbour, or that begins with what was written. Of several that are
// equally near it is the first.
func Nearest(word string, known []string) (nearest string, ok bool) {
	wanted := []rune(word)
	if len(wanted) > longestWord {
		return "", false
	}
	best := min(2, (len(wanted)+1)/3) + 1
	for _, k := range known {
		if d := distance(wanted, []rune(k)); d < best {
			nearest, best, ok = k, d, true
		}
	}
	if ok || len(wanted) < 3 {
		return nearest, ok
	}
	for _, k := range known {
		if strings.HasPrefix(k, word) {
			return k, true
		}
	}
	return "", false
}

// longestWord bounds the time that [Nearest] takes: what is longer is no slip of a finger.
const longestWord = 64

// distance returns how many letters are to be changed, left out, added or swapped with
// their neighbour to make b of a.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
