package worker

import (
	"testing"
	"time"

	"github.com/seed261fe303/ha/subjects"
)

func TestZeroConfigIsTheDefaults(t *testing.T) {
	t.Parallel()
	if err := (Config{}).Validate(); err != nil {
		t.Fatal(err)
	}
	c := Config{}.withDefaults()
	if c.Weight != 1 || c.Slots != 1 || c.Grace != 20*time.Second || c.Prefix != "ha" || c.Shared || c.Name != "" ||
		len(c.Pools) != 1 || c.Pools[0] != subjects.DefaultPool {
		t.Errorf("got %+v", c)
	}
	if got := (Config{Weight: 7, Slots: 2, Grace: time.Second, Prefix: "p", Pools: []string{"a"}}).withDefaults(); got.Weight != 7 ||
		got.Slots != 2 || got.Grace != time.Second || got.Prefix != "p" || got.Pools[0] != "a" {
		t.Errorf("what was set is %+v", got)
	}
}
