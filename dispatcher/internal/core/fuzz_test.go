package core

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// FuzzApply feeds a Core with whatever decodes: it may refuse, never panic.
func FuzzApply(f *testing.F) {
	for seed := range uint64(4) {
		h := newHistory(f, rand.New(rand.NewPCG(seed, 1)))
		h.tasking = seed > 0
		for range 60 + 40*seed {
			h.do()
		}
		h.given()
		f.Add(h.journal)
		f.Add(h.core.Digest(nil))
	}
	for _, name := range []string{"journal.hex", "records.hex"} {
		text, err := os.ReadFile("../record/testdata/stored/" + name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.FieldsSeq(string(text)) {
			entry, err := hex.DecodeString(line)
			if err != nil {
				f.Fatal(err)
			}
			e, err := journal.DecodeEntry(1, entry)
			if err != nil {
				f.Fatal(err)
			}
			if len(e.Data) > 0 {
				// Each as the first of a journal, and within a snapshot that is read to its end.
				f.Add(e.Data[1:])
				f.Add(slices.Concat(encode(&record.Begun{Epoch: 1}), e.Data[1:], encode(&record.Totals{Epoch: 1})))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := New(testConfig())
		for len(b) > 0 {
			r, rest, err := record.Decode(b)
			if err != nil || c.Apply(r) != nil {
				return
			}
			b = rest
		}
		c.Digest(nil)
		start := Start{Elapsed: noon, Date: noon, Epoch: c.Epoch() + 1, Node: "d1", Format: c.common.Format}
		if err := c.LeadFrom(start, new(step.Ready)); c.Loading() != (err != nil) && c.Epoch() < math.MaxUint64 {
			t.Fatalf("loading %t, and lead: %v", c.Loading(), err)
		}
		for range c.Workers(0) {
			continue
		}
	})
}
