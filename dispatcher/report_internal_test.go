package dispatcher

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// TestTheEstimateOfAWorkersBytesIsNoneTooLow, and for the ordinary worker not far
// too high.
func TestTheEstimateOfAWorkersBytesIsNoneTooLow(t *testing.T) {
	token := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
	check := func(t interface{ Fatalf(string, ...any) }, w subjects.WorkerInfo) {
		body, err := json.Marshal(w)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if n := infoBytes(&w); n < len(body)+len(",") || n > len(body)+rowBytes {
			t.Fatalf("estimated %d, is %d: %s", n, len(body), body)
		}
	}
	check(t, subjects.WorkerInfo{
		ID: ha.WorkerID(strings.Repeat("f", 16)), Weight: ha.MaxWeight, Activations: math.MaxUint64,
		Share: 1.2345678901234567e-5, ExpectedShare: 1.2345678901234567e-6, Running: 4096, Slots: 4096,
		RegisteredAt: time.Date(2026, 12, 31, 23, 59, 59, 123456789, time.UTC), LastSeen: time.Date(2026, 12, 31, 23, 59, 59, 123456789, time.UTC),
		Direct: true, CPU: 2.2250738585072014e-308, MemoryBytes: math.MaxInt64,
	})
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 1<<62)
		check(t, subjects.WorkerInfo{
			ID: "9f2c4e0011223344", Name: rapid.StringMatching(`[A-Za-z0-9_-]{0,64}`).Draw(t, "name"),
			Weight: ha.Weight(rapid.Int64Range(1, int64(ha.MaxWeight)).Draw(t, "weight")), Activations: rapid.Uint64().Draw(t, "activations"),
			Share: rapid.Float64Range(0, 1).Draw(t, "share"), ExpectedShare: rapid.Float64Range(0, 1).Draw(t, "expected"),
			RegisteredAt: time.Unix(0, at.Draw(t, "registered")).UTC(), LastSeen: time.Unix(0, at.Draw(t, "seen")).UTC(),
			Pools: rapid.SliceOfN(token, 0, 64).Draw(t, "pools"), Kinds: rapid.SliceOfN(token, 0, 64).Draw(t, "kinds"),
			Direct: rapid.Bool().Draw(t, "direct"), CPU: rapid.Float64Min(0).Draw(t, "cpu"), MemoryBytes: rapid.Int64Min(0).Draw(t, "memory"),
		})
	})
}
