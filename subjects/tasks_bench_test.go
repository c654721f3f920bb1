package subjects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// manyTasks is the submission of n tasks as the client package writes it, each with
// a payload of about that many bytes, and with extra at its end.
func manyTasks(n, payload int, extra string) []byte {
	entries := make([]string, n)
	text := strings.Repeat("Lorem ipsum dolor sit amet. ", 1+payload/28)[:max(payload-12, 0)]
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"id":"t%020d","kind":"resize-image","payload":{"text":%q},"pool":"east","timeout_ms":30000%s}`, i, text, extra)
	}
	return []byte("[" + strings.Join(entries, ",") + "]")
}

// orderOf is an order of n tasks of a payload of 200 bytes.
func orderOf(n int) Activate {
	text, _ := json.Marshal(map[string]string{"text": strings.Repeat("x", 188)})
	a := Activate{ID: "9f2c4e0011223344", Order: OrderActivate, Epoch: 7}
	for i := range n {
		a.Work = append(a.Work, Work{Activation: ha.ActivationID(fmt.Sprintf("acs9d2k1-%07d", i)), Task: &WorkTask{
			ID: ha.TaskID(fmt.Sprintf("t%020d", i)), Kind: "resize-image", Payload: text, Attempt: 1, TimeoutMS: 30_000, Pool: "east",
		}})
	}
	return a
}

// perEntry runs work, which is about n entries, and reports the time of one.
func perEntry(b *testing.B, n, size int, work func() error) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		if err := work(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
}

func BenchmarkDecodeSubmit(b *testing.B) {
	const n = 100
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, manyTasks(n, 200, ""), "", "  "); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		n    int
		body []byte
	}{
		{"100x200B", n, manyTasks(n, 200, "")},
		{"100x4KB", n, manyTasks(n, 4096, "")},
		{"100x200B/labels", n, manyTasks(n, 200, `,"labels":{"tenant":"a","colour":"blue"}`)},
		{"100x200B/retry", n, manyTasks(n, 200, `,"retry":{"max_attempts":3,"backoff_ms":100}`)},
		{"100x200B/indented", n, pretty.Bytes()},
		{"one", 1, bytes.Trim(manyTasks(1, 200, ""), "[]")},
	} {
		b.Run(c.name, func(b *testing.B) {
			perEntry(b, c.n, len(c.body), func() error { _, _, err := DecodeSubmit(c.body); return err })
		})
	}
}

func BenchmarkDecodeActivate(b *testing.B) {
	for _, n := range []int{1, 20} {
		body := AppendActivate(nil, orderOf(n))
		labelled := orderOf(n)
		for i := range labelled.Work {
			labelled.Work[i].Task.Labels = map[string]string{"tenant": "a"}
		}
		rich := AppendActivate(nil, labelled)
		for name, one := range map[string]struct {
			decode func([]byte) (Activate, error)
			body   []byte
		}{"hand": {DecodeActivate, body}, "json": {decodeActivate, body}, "labels": {DecodeActivate, rich}} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				perEntry(b, n, len(one.body), func() error { _, err := one.decode(one.body); return err })
			})
		}
	}
}

func BenchmarkAppendActivate(b *testing.B) {
	a := orderOf(20)
	var dst []byte
	perEntry(b, len(a.Work), len(AppendActivate(nil, a)), func() error { dst = AppendActivate(dst[:0], a); return nil })
}

func BenchmarkDecodeAvailable(b *testing.B) {
	const n = 20
	result := json.RawMessage(`{"text":"` + strings.Repeat("x", 188) + `"}`)
	var plain, failing Available
	for i := range n {
		f := Finished{Activation: ha.ActivationID(fmt.Sprintf("acs9d2k1-%07d", i)), Outcome: ha.OutcomeDone, Result: result}
		plain.Finished = append(plain.Finished, f)
		if i == 0 {
			f.Outcome, f.Error, f.Result = ha.OutcomeFailed, "resize: no such file", nil
		}
		failing.Finished = append(failing.Finished, f)
	}
	for name, a := range map[string]Available{"results": plain, "one-failed": failing} {
		body := AppendAvailable(nil, a)
		b.Run(name, func(b *testing.B) {
			perEntry(b, n, len(body), func() error { _, err := DecodeAvailable(body); return err })
		})
	}
}
