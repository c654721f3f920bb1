package subjects_test

import (
	"fmt"

	"github.com/seed261fe303/ha/subjects"
)

func ExampleNames() {
	names, err := subjects.NewNames("team-1.ha")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(names.Hello())
	fmt.Println(names.Heartbeat("9f2c4e0011223344"))
	event, err := names.Parse("team-1.ha.event.worker.joined")
	fmt.Println(event.Entity, event.What, err)
	// Output:
	// team-1.ha.hello
	// team-1.ha.hb.9f2c4e0011223344
	// worker joined <nil>
}
