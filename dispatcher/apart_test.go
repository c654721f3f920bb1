package dispatcher_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed261fe303/ha/dispatcher"
)

// partedDisk is the store of a server that is cut off from the others while the test says so.
type partedDisk struct {
	gauge
	apart atomic.Bool
}

func (d *partedDisk) StoreApart() error {
	if d.apart.Load() {
		return errors.New("cut off from the others")
	}
	return nil
}

// TestServerCutOffIsATrouble: whoever asks is told why the dispatcher of such a server cannot work.
func TestServerCutOffIsATrouble(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, r.nc = natsOf(t, embeddedIn(t.TempDir()))
	var disk partedDisk
	run := r.startOn(r.nc, func(c *dispatcher.Config) { c.Disk, c.DiskReserve = &disk, dispatcher.ReserveNone })
	receive(t, run.Ready(), "the dispatcher to answer")
	disk.apart.Store(true)
	eventually(t, "the trouble", func() bool { return strings.Contains(r.status().Leader.Trouble, "cut off from the others") })
	disk.apart.Store(false)
	eventually(t, "the trouble to be over", func() bool { return r.status().Leader.Trouble == "" })
}
