package cli

import (
	"fmt"
	"testing"
)

func TestCollectorPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 1000, 1 << 20: 1000, 320 << 20: 100, 100 << 30: leastCollectorPercent} {
		t.Run(fmt.Sprint(live), func(t *testing.T) {
			if got := collectorPercent(live); got != want {
				t.Errorf("%d bytes: %d, want %d", live, got, want)
			}
		})
	}
}
