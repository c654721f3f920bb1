package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/seed261fe303/ha/dispatcher/backup"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/node"
)

// What one server holds is carried to another, on which no dispatcher has run yet.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := os.MkdirTemp("", "ha-backup-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(store) }()
	n, err := node.Start(ctx, node.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	from, err := n.Connect("backup")
	if err != nil {
		log.Fatal(err)
	}
	server, err := embedded.Start(ctx, embedded.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	to, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer to.Close()

	var file bytes.Buffer
	saved, err := backup.Save(ctx, from, "ha", &file) // while the dispatcher runs
	if err != nil {
		log.Fatal(err)
	}
	restored, err := backup.Restore(ctx, to, "ha", &file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(restored.Entries == saved.Entries, restored.Epoch == saved.Epoch)

	cancel()
	fmt.Println(n.Stop())
	// Output:
	// true true
	// <nil>
}
