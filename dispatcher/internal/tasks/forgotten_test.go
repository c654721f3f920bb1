package tasks

import (
	"strconv"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// TestHashesOfIDs: ids that differ little, as ids do, share neither a hash nor half
// of one, and each bit of a hash is set in half of the cases.
func TestHashesOfIDs(t *testing.T) {
	const ids = 200_000
	seen := make(map[[8]byte]bool, 2*ids)
	var set [128]int
	for i := range ids {
		h := HashOf(ha.TaskID("t1-" + strconv.Itoa(i)))
		for _, half := range [][8]byte{[8]byte(h[:8]), [8]byte(h[8:])} {
			if seen[half] {
				t.Fatalf("half of the hash of t1-%d was there before", i)
			}
			seen[half] = true
		}
		for bit := range set {
			set[bit] += int(h[bit/8] >> (bit % 8) & 1)
		}
	}
	for bit, n := range set {
		if n < ids*49/100 || n > ids*51/100 {
			t.Errorf("bit %d is set in %d of %d", bit, n, ids)
		}
	}
	if HashOf("a") == HashOf("a\x00") || HashOf("ab") == HashOf("ba") || HashOf("") == HashOf("\x00") {
		t.Error("short ids meet")
	}
}
