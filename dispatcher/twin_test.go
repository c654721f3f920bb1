package dispatcher_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/dispatcher"
)

// TestTheNameIsTaken: the second dispatcher of a name gives way, and the first goes on. One that is started after the
// other has gone is not refused.
func TestTheNameIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	named := func(c *dispatcher.Config) { c.Name = "same" }
	first := r.start(named)
	receive(t, first.Ready(), "the first to answer")
	second := r.startOn(connect(t, r.server), named)
	if err := second.result(); !errors.Is(err, dispatcher.ErrNameTaken) || !strings.Contains(err.Error(), "--name") {
		t.Errorf("the second ended with %v", err)
	}
	if s := r.status(); s.Leader.Name != "same" || len(s.Dispatchers) == 0 {
		t.Errorf("then the status is %+v", s)
	}
	eventually(t, "the trouble of the first to be over", func() bool { return r.status().Leader.Trouble == "" })
	first.stop()
	if err := first.result(); err != nil {
		t.Errorf("the first ended with %v", err)
	}
	receive(t, r.start(named).Ready(), "a third to answer")
}
