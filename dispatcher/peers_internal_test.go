package dispatcher

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed261fe303/ha/subjects"
)

func heardFrom(name string, format int, at time.Time) presence {
	return presence{Dispatcher: subjects.Dispatcher{Name: name, Format: format}, at: at}
}

// TestUnableToRead lists those of the last hour whose newest format is too old.
func TestUnableToRead(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := peerList{heard: map[string]presence{}}
	l.note(heardFrom("d1", 1, now)) // the one that asks
	l.note(heardFrom("silent", 1, now.Add(-time.Hour-time.Second)))
	l.note(heardFrom("new", 2, now))
	l.note(heardFrom("before", 0, now.Add(-time.Hour)))
	l.note(heardFrom("again", 1, now.Add(-time.Minute)))
	l.note(heardFrom("again", 2, now)) // it was upgraded meanwhile
	l.note(heardFrom("old", 1, now))
	list := l.unableToRead(2, "d1", now)
	if len(list) != 2 || list[0].Name != "before" || list[0].Format != 1 || list[1].Name != "old" {
		t.Errorf("got %+v, want before and old", list)
	}
	if list := l.unableToRead(1, "d1", now); len(list) != 0 {
		t.Errorf("format 1 is read by everybody, got %+v", list)
	}
}

// TestPeersAreBounded: the one that was heard longest ago makes room.
func TestPeersAreBounded(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := peerList{heard: map[string]presence{}}
	for i := range maxPresence + 10 {
		l.note(heardFrom(fmt.Sprintf("d%d", i), 2, now.Add(time.Duration(i)*time.Millisecond)))
	}
	if _, kept := l.heard["d9"]; len(l.heard) != maxPresence || kept {
		t.Errorf("%d are remembered, the tenth among them: %t", len(l.heard), kept)
	}
	if _, kept := l.heard[fmt.Sprintf("d%d", maxPresence+9)]; !kept {
		t.Error("the last one is not remembered")
	}
}
