package ha_test

import (
	"errors"
	"fmt"

	ha "github.com/seed261fe303/ha"
)

// The errors of all packages match the sentinels, and a refusal has a code besides.
func Example() {
	err := fmt.Errorf("my program: %w", ha.Weight(0).Validate())
	fmt.Println(err)
	fmt.Println(errors.Is(err, ha.ErrInvalid))
	if refusal, ok := errors.AsType[*ha.Error](err); ok {
		fmt.Println(refusal.Status, refusal.Code)
	}
	// Output:
	// my program: weight must be a whole number from 1 to 1000000, got 0
	// true
	// 400 invalid_weight
}

func ExampleNewTask() {
	task, err := ha.NewTask("resize", map[string]int{"width": 800})
	fmt.Println(task.Kind, string(task.Payload), err)
	// Output: resize {"width":800} <nil>
}

// A handler that returns such an error ends its task: no further attempt is made.
func ExamplePermanent() {
	broken := errors.New("not a picture")
	err := ha.Permanent(broken)
	fmt.Println(err, errors.Is(err, ha.ErrPermanent), errors.Is(err, broken))
	// Output: not a picture true true
}
