package main

import (
	"github.com/seed261fe303/ha/embedded"
)

// defaultListen is where an embedded server listens, and where clients look
// that are told nothing else.
const defaultListen = "127.0.0.1:4222"

// checkListen returns a usage error where nobody can listen at the address.
func checkListen(listen string) error {
	if listen == "" {
		return badUsage("--listen must be host:port such as %s", defaultListen)
	}
	return checked(embedded.Config{Listen: listen}.Validate())
}
