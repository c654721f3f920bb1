package journal

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/embedded"
)

// sizes are the bytes of an entry: one renewal, some records, a full batch.
var sizes = []int{16, 1 << 10, 64 << 10}

// BenchmarkAppend is one append after the other, each with its fsync.
func BenchmarkAppend(b *testing.B) {
	s := startServer(b, embedded.Config{Listen: "127.0.0.1:0"})
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			j := openOn(b, dial(b, s.URL()), newPrefix())
			e := batch("n1", 0, string(make([]byte, size)))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				after := e.Number
				e.Number++
				if _, err := j.Append(b.Context(), after, e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPublish is the same bytes through the publish of the NATS client, without
// and with the headers of an append.
func BenchmarkPublish(b *testing.B) {
	s := startServer(b, embedded.Config{Listen: "127.0.0.1:0"})
	for _, headers := range []bool{false, true} {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("headers=%t/%d", headers, size), func(b *testing.B) {
				nc := dial(b, s.URL())
				j := openOn(b, nc, newPrefix())
				js, err := jetstream.New(nc)
				if err != nil {
					b.Fatal(err)
				}
				e := batch("n1", 0, string(make([]byte, size)))
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					var opts []jetstream.PublishOpt
					if headers {
						opts = append(opts, jetstream.WithExpectLastSequence(e.Number), jetstream.WithMsgID(e.ID()))
					}
					e.Number++
					if _, err := js.Publish(b.Context(), j.subject, AppendEntry(nil, e), opts...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkReplay follows a log of many entries from its beginning.
func BenchmarkReplay(b *testing.B) {
	const entries = 5000
	s := startServer(b, embedded.Config{Listen: "127.0.0.1:0"})
	for _, size := range sizes[:2] {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			j := openOn(b, dial(b, s.URL()), newPrefix())
			for seq := uint64(1); seq <= entries; seq++ {
				if _, err := j.Append(b.Context(), seq-1, batch("n1", seq, string(make([]byte, size)))); err != nil {
					b.Fatal(err)
				}
			}
			done := errors.New("all read")
			b.SetBytes(entries * int64(size))
			for b.Loop() {
				err := j.Follow(b.Context(), 1, func(e Entry) error {
					if e.Seq == entries {
						return done
					}
					return nil
				})
				if !errors.Is(err, done) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
