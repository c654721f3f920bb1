package embedded_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/embedded"
)

func ExampleStart() {
	server, err := embedded.Start(context.Background(), embedded.Config{Name: "n1", Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	nc, err := nats.Connect(server.URL()) // or server.Connect, without a network
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	fmt.Println("connected to", nc.ConnectedServerName())
	// Output: connected to n1
}
