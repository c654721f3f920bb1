package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/smalldisk"
)

// TestFullDisk: a server that met a full disk goes on by itself once there is room again, with
// all that it acknowledged, and connections last.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := smalldisk.New(t, 32)
	s := start(t, Config{StoreDir: filepath.Join(disk, "store")})
	nc := inProcess(t, s)
	js, log := stream(t, nc)
	acknowledged := uint64(0)
	publish := func(ctx context.Context) error {
		ack, err := js.Publish(ctx, "log", make([]byte, 64<<10))
		if err == nil {
			acknowledged = max(acknowledged, ack.Sequence)
		}
		return err
	}
	for round := range 2 {
		for range 20 {
			eventually.Succeeds(t, deadline, publish)
		}
		ballast := filepath.Join(disk, "ballast")
		smalldisk.Fill(t, ballast, 0)
		eventually.Succeeds(t, deadline, func(ctx context.Context) error {
			_ = publish(ctx) // it fails sooner or later
			if s.StoreStuck() == nil {
				return errors.New("the server does not say that it is stuck")
			}
			return nil
		})
		if err := s.StoreStuck(); !errors.Is(err, ErrStoreStuck) {
			t.Errorf("got %v", err)
		}
		if free, size, err := s.StoreRoom(); err != nil || free > 1<<20 || size != 32<<20 {
			t.Errorf("%d of %d bytes are free, %v", free, size, err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		before := acknowledged
		eventually.Succeeds(t, deadline, publish)
		if acknowledged <= before {
			t.Fatalf("round %d: message %d was acknowledged after %d", round, acknowledged, before)
		}
		eventually.True(t, deadline, func() bool { return s.StoreStuck() == nil }, "the trouble to go")
	}
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st := info.State; st.FirstSeq != 1 || st.LastSeq < acknowledged || st.Msgs != st.LastSeq {
		t.Errorf("%d were acknowledged, the stream has %+v", acknowledged, st)
	}
	for seq := uint64(1); seq <= acknowledged; seq++ {
		if m, err := log.GetMsg(t.Context(), seq); err != nil || len(m.Data) != 64<<10 {
			t.Fatalf("message %d: %v", seq, err)
		}
	}
	if nc.Stats().Reconnects > 0 || s.Err() != nil {
		t.Errorf("%d reconnects, %v", nc.Stats().Reconnects, s.Err())
	}
}
