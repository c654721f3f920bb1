package cli

import (
	"strings"
	"testing"
)

func TestTokenFrom(t *testing.T) {
	for _, c := range []struct{ host, suffix, want string }{
		{"db1.example.org", "4222", "db1-4222"},
		{"Jürgens Mac", "7", "J-rgens-Mac-7"},
		{"", "7", "ha-7"},
		{".local", "7", "ha-7"},
		{strings.Repeat("a", 100), "12345", strings.Repeat("a", 58) + "-12345"},
	} {
		t.Run(c.host, func(t *testing.T) {
			if got := tokenFrom(c.host, c.suffix); got != c.want {
				t.Errorf("tokenFrom(%q, %q) = %q, want %q", c.host, c.suffix, got, c.want)
			}
		})
	}
}
