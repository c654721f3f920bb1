package client

import (
	"testing"
	"time"
)

func TestZeroConfigIsTheDefaults(t *testing.T) {
	t.Parallel()
	if err := (Config{}).Validate(); err != nil {
		t.Fatal(err)
	}
	if c := (Config{}).withDefaults(); c.Timeout != 2*time.Second || c.Patience != 30*time.Second {
		t.Errorf("got %+v", c)
	}
	if c := (Config{Timeout: time.Minute, Patience: time.Hour}).withDefaults(); c.Timeout != time.Minute || c.Patience != time.Hour {
		t.Errorf("what was set is %+v", c)
	}
}
