package dispatcher_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
)

// A dispatcher on a connection. Package node does this and the rest in one call.
func Example() {
	server, err := embedded.Start(context.Background(), embedded.Config{NoJetStream: true})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	nc, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	d, err := dispatcher.New(nc, dispatcher.Config{Name: "d1", ActivateEvery: 500 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	<-d.Ready()
	fmt.Println(d.Name(), "leads")
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// d1 leads
	// ended: <nil>
}
