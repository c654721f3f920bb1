package dispatcher_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/embedded"
)

// server carries 8 MiB a message, so that bodies over the protocol's limit reach
// the dispatcher.
var server *embedded.Server

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "6") // more than processors: most of what these tests do is to wait
	var err error
	server, err = embedded.Start(context.Background(), embedded.Config{NoJetStream: true, MaxPayload: 8 << 20})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Shutdown()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
