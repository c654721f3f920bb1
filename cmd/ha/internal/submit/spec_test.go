package submit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	ha "github.com/seed261fe303/ha"
)

func TestFlagsMakeATask(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	retry := func(r ha.Retry) ha.TaskSpec { return ha.TaskSpec{Kind: "k", Retry: &r} }
	for args, want := range map[string]ha.TaskSpec{
		"--kind k": {Kind: "k"},
		"--step a --step b,c --partial": {
			Steps: []ha.Step{{Kind: "a"}, {Kind: "b"}, {Kind: "c"}}, Partial: true,
		},
		"--kind k --id i --pool gpu --priority -5 --unique-key u --concurrency-key c --batch b": {
			Kind: "k", ID: "i", Pool: "gpu", Priority: -5, UniqueKey: "u", ConcurrencyKey: "c", Batch: "b",
		},
		"--kind k --after a,b --after c --on-upstream-failure run --after-batch n": {
			Kind: "k", After: []ha.TaskID{"a", "b", "c"}, OnUpstreamFailure: ha.UpstreamRun, AfterBatch: "n",
		},
		"--kind k --run-at +90s --expires-in 1h --attempt-timeout 1500us": {
			Kind: "k", Delay: 90_000, ExpiresAt: now.Add(time.Hour), Timeout: 2,
		},
		"--kind k --run-at 2030-01-02t04:04:05z --expires-at +2h": {
			Kind: "k", RunAt: time.Date(2030, 1, 2, 4, 4, 5, 0, time.UTC), ExpiresAt: now.Add(2 * time.Hour),
		},
		"--kind k --label a=1 --label b=x=y,z --label c=": {
			Kind: "k", Labels: map[string]string{"a": "1", "b": "x=y,z", "c": ""},
		},
		`--kind k --metadata {"m":[1,2]}`: {Kind: "k", Metadata: json.RawMessage(`{"m":[1,2]}`)},
		"--kind k --max-attempts 3 --backoff 2s --max-backoff 1m --factor 1.5 --jitter 0.2 --max-lost 7": retry(ha.Retry{
			MaxAttempts: 3, Backoff: 2000, MaxBackoff: 60_000, Factor: 1.5, Jitter: 0.2, MaxLost: 7,
		}),
		"--kind k --jitter 0 --max-lost 0": retry(ha.Retry{Jitter: -1, MaxLost: -1}),
	} {
		t.Run(args, func(t *testing.T) {
			var f SpecFlags
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			f.Add(flags)
			if err := flags.Parse(strings.Fields(args)); err != nil {
				t.Errorf("%s: %v", args, err)
				return
			}
			got, err := f.Spec(now)
			gotJSON, _ := json.Marshal(got)
			wantJSON, _ := json.Marshal(want)
			if err != nil || !bytes.Equal(gotJSON, wantJSON) {
				t.Errorf("%s: %v\n%s, want\n%s", args, err, gotJSON, wantJSON)
			}
		})
	}
}
