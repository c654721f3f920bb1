package cli

import (
	"fmt"
	"os"
	"strings"

	ha "github.com/seed261fe303/ha"
)

// DefaultName makes a name from the host's and a suffix that tells processes of
// one host apart. Whatever may not be in a name becomes '-'.
func DefaultName(suffix any) string {
	host, err := os.Hostname()
	if err != nil {
		host = "ha"
	}
	return tokenFrom(host, fmt.Sprint(suffix))
}

// tokenFrom joins host and suffix to a valid token, cutting the host where
// needed: the suffix is what makes the name unique.
func tokenFrom(host, suffix string) string {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if ha.ValidToken(string(r)) {
				return r
			}
			return '-'
		}, s)
	}
	host, _, _ = strings.Cut(host, ".") // the domain says nothing about the machine
	host, suffix = clean(host), clean(suffix)
	if most := ha.MaxToken - len(suffix) - 1; len(host) > most {
		host = host[:most]
	}
	if host == "" {
		host = "ha"
	}
	return host + "-" + suffix
}
