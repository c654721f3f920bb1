package connect_test

import (
	"fmt"
	"log"

	"github.com/seed261fe303/ha/connect"
)

// What the environment says counts unless the caller says otherwise.
func ExampleConfig_Resolve() {
	environment := map[string]string{"NATS_URL": "nats://me:secret@10.0.0.5:4222"}
	getenv := func(name string) string { return environment[name] }
	for _, cfg := range []connect.Config{{}, {URL: "10.0.0.6"}} {
		server, err := cfg.Resolve(getenv)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(server) // without the password
	}
	// Output:
	// nats://xxxxx@10.0.0.5:4222 (NATS_URL)
	// nats://10.0.0.6 (given)
}
