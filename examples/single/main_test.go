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
	const want = "weight 1: 5 activations\nweight 2: 10 activations\nweight 3: 15 activations\n"
	if err != nil || string(out) != want {
		t.Fatalf("%v, output:\n%s\nwant:\n%s", err, out, want)
	}
}
