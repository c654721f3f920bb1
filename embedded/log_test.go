package embedded

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/internal/process"
)

func TestLogLevels(t *testing.T) {
	var log bytes.Buffer
	failed := 0
	l := &serverLog{log: zerolog.New(&log), fail: func(error) { failed++ }}
	for want, call := range map[string]func(string, ...any){
		"trace": l.Tracef, "debug": l.Noticef, "warn": l.Warnf, "error": l.Errorf,
	} {
		t.Run(want, func(t *testing.T) {
			log.Reset()
			call("%d of %s", 7, "nine")
			if got := log.String(); !strings.Contains(got, `"level":"`+want+`"`) || !strings.Contains(got, "7 of nine") {
				t.Errorf("want level %s, got %s", want, got)
			}
		})
	}
	if failed != 0 {
		t.Error("a line that is not fatal failed the server")
	}
	log.Reset()
	l.Fatalf("over")
	if got := log.String(); failed != 1 || !strings.Contains(got, `"level":"error"`) {
		t.Errorf("a fatal line: failed %d times, logged %s", failed, got)
	}
}

func TestAHealthyServerIsQuiet(t *testing.T) {
	leakFree(t)
	var log process.Output
	s := start(t, Config{Listen: "127.0.0.1:0", StoreDir: t.TempDir(), Log: zerolog.New(&log).Level(zerolog.InfoLevel)})
	stream(t, overTCP(t, s))
	s.Shutdown()
	if log.String() != "" {
		t.Errorf("at level info it said %s", log.String())
	}
}

func TestDebugLinesOnRequest(t *testing.T) {
	leakFree(t)
	for level, want := range map[zerolog.Level]bool{zerolog.TraceLevel: true, zerolog.DebugLevel: false} {
		t.Run(level.String(), func(t *testing.T) {
			var log process.Output
			s := start(t, Config{Name: "n1", NoJetStream: true, Log: zerolog.New(&log).Level(level)})
			inProcess(t, s).Close()
			s.Shutdown()
			if got := strings.Contains(log.String(), `"level":"trace"`); got != want {
				t.Errorf("level %s: trace lines %t, want %t", level, got, want)
			}
			if !strings.Contains(log.String(), `"nats_server":"n1"`) {
				t.Errorf("lines without the server's name: %s", log.String())
			}
		})
	}
}
