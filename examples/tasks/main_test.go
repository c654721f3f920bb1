package main

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestOutput(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "run", ".").CombinedOutput()
	const want = `fetch: completed, attempts: 1
resize: completed, attempts: 2
store: completed, attempts: 1
result: "a.png, 800 pixels wide"
batch pictures: 2 completed, 1 failed
then: "dear reader, all is done"
`
	if err != nil || string(out) != want {
		t.Fatalf("%v, output:\n%s\nwant:\n%s", err, out, want)
	}
}
