package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/seed261fe303/ha/subjects"
)

// Version returns the version of the program, of the protocol and of Go, in words.
func Version() string {
	module := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		module = info.Main.Version
	}
	return fmt.Sprintf("ha %s, protocol %d, %s %s/%s", module, subjects.ProtocolVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
