package cli

import (
	"fmt"
	"testing"
)

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 1 << 62: "4194304.0 TiB",
	} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			if got := Size(bytes); got != want {
				t.Errorf("%d is %q, want %q", bytes, got, want)
			}
		})
	}
}
