package dispatcher

import (
	"testing"
	"context"
	"errors"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

func TestTmpDouble(t *testing.T) {
	log := journal.NewMemory()
	b := begin(t, log, 100)
	for range 20 { b.work(60000)
	  first, last, _ := log.Bounds(t.Context())
	  n := 0
	  done := errors.New("done")
	  _ = log.Follow(context.Background(), first, func(e journal.Entry) error {
		if len(e.Data) > 1 { for d := e.Data[1:]; len(d) > 0; { r, rest, err := core.DecodeRecord(d); if err != nil { t.Fatal(err) }; d = rest; if _, ok := r.(core.Begun); ok { n++; t.Logf("  begun in entry %d", e.Seq) } } }
		if e.Seq >= last { return done }
		return nil
	  })
	  t.Logf("entries %d to %d hold %d snapshots", first, last, n)
	}
}
