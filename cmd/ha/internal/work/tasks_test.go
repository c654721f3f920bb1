package work

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/worker"
)

func TestNoPasswordIsHandedToPrograms(t *testing.T) {
	t.Parallel()
	var w Tasks
	cmd := &cobra.Command{}
	w.Add(cmd)
	w.Hide(cmd.Flags())
	got := w.environ([]string{
		"NATS_URL=nats://me:hunter2@h1:4222,tls://token-hunter2@h2", "HA_SERVER=me:hunter2@h3", "HA_KIND=k", "NATS_CONTEXT=prod", "HA_MORE=ws://me:hunter2@h4/path?q=a@b",
		"NATS_CREDS=/home/me@work/nats.creds", "HOME=/home/me", "OTHER=nats://me:hunter2@h5", "NATS_SERVER=me:hunter2@h6", "HA_EMPTY=", "HA_LIST=nats://a:hunter2@@h7/,x",
	})
	want := []string{
		"NATS_URL=nats://h1:4222,tls://h2", "HA_SERVER=h3", "NATS_CONTEXT=prod", "HA_MORE=ws://h4/path?q=a@b",
		"NATS_CREDS=/home/me@work/nats.creds", "HOME=/home/me", "OTHER=nats://me:hunter2@h5", "NATS_SERVER=h6", "HA_EMPTY=", "HA_LIST=nats://h7/,x",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Docker gives 10 s unless told otherwise, which is too short for any default; Kubernetes 30 s.
func TestAStopTakesNoLongerThanContainersGive(t *testing.T) {
	t.Parallel()
	if all := worker.DefaultGrace + defaultKillAfter; all > 25*time.Second {
		t.Errorf("a worker takes up to %s to stop", all)
	}
}
