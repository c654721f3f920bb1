package cli

import (
	"github.com/seed261fe303/ha/embedded"
)

// DefaultListen is where an embedded server listens, and where clients look
// that are told nothing else.
const DefaultListen = "127.0.0.1:4222"

// CheckListen returns a usage error where nobody can listen at the address.
func CheckListen(listen string) error {
	if listen == "" {
		return BadUsage("--listen must be host:port such as %s", DefaultListen)
	}
	return Checked(embedded.Config{Listen: listen}.Validate())
}
