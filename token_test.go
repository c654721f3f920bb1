package ha_test

import (
	"regexp"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// TestValidToken compares with the rule as the documents state it, for every byte
// and for the lengths at the limits.
func TestValidToken(t *testing.T) {
	rule := regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}\z`)
	cases := []string{"", strings.Repeat("a", ha.MaxToken), strings.Repeat("a", ha.MaxToken+1), "größe", "a.b", "a b", "a\n"}
	for b := range 256 {
		cases = append(cases, string([]byte{byte(b)}), string([]byte{'a', byte(b), 'z'}))
	}
	for _, s := range cases {
		if got, want := ha.ValidToken(s), rule.MatchString(s); got != want {
			t.Errorf("ValidToken(%q) = %t", s, got)
		}
	}
}
