package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/seed261fe303/ha/subjects"
)

// BuildInfo says what the program was built from.
type BuildInfo struct {
	// Version is that of the module; "(unknown)" if the build did not record it.
	Version string
	// Go is the version of the Go tools, Platform the system and the processor: "linux/amd64".
	Go, Platform string
}

// Build returns what this program was built from.
func Build() BuildInfo {
	b := BuildInfo{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	return b
}

// Version returns the version of the program, of the protocol and of Go, in words.
func Version() string {
	b := Build()
	return fmt.Sprintf("ha %s, protocol %d, %s %s", b.Version, subjects.ProtocolVersion, b.Go, b.Platform)
}
