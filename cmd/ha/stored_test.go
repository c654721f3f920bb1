package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// TestAStreamOfEverythingSpoilsNoCommand: its acknowledgements come before the answers.
func TestAStreamOfEverythingSpoilsNoCommand(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	js, err := jetstream.New(f.nc)
	if err == nil {
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVERYTHING", Subjects: []string{"ha.>"}, Storage: jetstream.MemoryStorage, MaxMsgs: 1000})
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if out := f.must(t, "", "status"); !strings.Contains(out, "leader") || strings.Contains(out, "EVERYTHING") {
			t.Errorf("status:\n%s", out)
		}
		f.must(t, "", "workers", "--json")
	}
	if id := f.must(t, "", "task", "submit", "--kind", "k", "--id", "one"); id != "one\n" {
		t.Errorf("submitted %q", id)
	}
	f.fails(t, "", 1, "no task nothing", "task", "get", "nothing")
}
