package bench

import (
	"strings"
	"testing"
	"time"
)

func TestTheReportIsShown(t *testing.T) {
	var b strings.Builder
	var latencies []time.Duration
	for i := range 200 {
		latencies = append(latencies, time.Duration(200-i)*10*time.Microsecond)
	}
	err := WriteReport(&b, Report{
		Tasks: 1000, PayloadBytes: 200, Batch: 100, Submitters: 4, Workers: 2, Slots: 64, SubmittedPerSecond: 12345.6, CompletedPerSecond: 999.5,
		RoundTrip: percentilesOf(latencies), LoadStarted: percentilesOf([]time.Duration{time.Second}),
	})
	want := `

1000 tasks of 200 bytes, 100 at a time by each of 4 submitters;
2 workers of 64 slots

  submitted  12346 a second
  completed  1000 a second

LATENCY                      P50         P90         P99         MAX
NATS request and reply       1.00 ms     1.80 ms     1.98 ms     2.00 ms
under load: submit to start  1000.00 ms  1000.00 ms  1000.00 ms  1000.00 ms
`
	if err != nil || b.String() != want[1:] {
		t.Errorf("%v\n%s\nwant:\n%s", err, b.String(), want[1:])
	}
}
