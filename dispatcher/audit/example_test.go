package audit_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/seed261fe303/ha/dispatcher/audit"
	"github.com/seed261fe303/ha/node"
)

// The journal may be verified while its dispatchers run, as here.
func ExampleInspector_Verify() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := os.MkdirTemp("", "ha-audit-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(store) }()
	n, err := node.Start(ctx, node.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	nc, err := n.Connect("audit")
	if err != nil {
		log.Fatal(err)
	}

	i, err := audit.Open(ctx, nc, "ha")
	if err != nil {
		log.Fatal(err)
	}
	report, err := i.Verify(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.OK(), report.Problems)

	cancel()
	fmt.Println(n.Stop())
	// Output:
	// true []
	// <nil>
}
