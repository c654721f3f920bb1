//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package embedded

import "os"

// lockStore locks nothing: the standard library has no lock that ends with the
// process on this system.
func lockStore(string) (*os.File, error) { return nil, nil }

// syncDir does nothing: directories cannot be synced on this system.
func syncDir(string) error { return nil }
