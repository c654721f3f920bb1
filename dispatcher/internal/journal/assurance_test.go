package journal

import (
	"testing"
	"time"
)

// line returns the entries of one epoch, from a sequence on: its claim and renewals.
func line(first, epoch uint64, node string, n int, prev Name) (list []Entry) {
	for i := range uint64(n) {
		e := Entry{Seq: first + i, Format: 2, Type: EntryRecords, Epoch: epoch, Number: i, Node: node, Nonce: epoch, Lease: time.Second}
		if i == 0 {
			e.Type, e.Prev = EntryClaim, prev
		}
		list = append(list, e)
	}
	return list
}

// end is what a log shows of itself behind an entry.
func end(log []Entry, after uint64) LogEnd {
	l := LogEnd{Last: uint64(len(log))}
	if after < l.Last {
		l.Next = log[after:]
	}
	return l
}

// TestNobodyClaimsInAnotherLog: a standby that slept while the log lost its end, and grew again under another leader,
// finds its place taken by what is void to it. It must not take the leadership.
func TestNobodyClaimsInAnotherLog(t *testing.T) {
	was := line(1, 1, "d1", 6, Name{})
	stranger := Entry{Seq: 7, Type: EntryForeign, Foreign: "x"}
	was = append(was, stranger)
	again := append(line(1, 1, "d1", 2, Name{}), line(3, 2, "d2", 8, was[1].Name())...)
	behind := append(line(1, 1, "d1", 6, Name{}), line(7, 2, "d2", 4, was[5].Name())...)
	for name, c := range map[string]struct {
		log  []Entry
		role Role
	}{
		"as it was":                           {was, RoleCandidate},
		"one that grew again":                 {again, RoleDeposed},
		"one that lost only what is void":     {behind, RoleDeposed},
		"one that grew to the same place":     {again[:7], RoleDeposed},
		"one that is shorter, for long":       {was[:4], RoleDeposed},
		"one that is emptied, for long":       {nil, RoleDeposed},
		"one that lost void ones, for long":   {was[:6], RoleDeposed},
		"one that another has written behind": {append(was, line(8, 2, "d2", 3, was[5].Name())...), RoleCandidate},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMember(MemberConfig{Node: "d3", Nonce: 3, Lease: time.Second, Format: 2}, 0)
			for _, e := range was {
				if _, _, err := m.Followed(0, e); err != nil {
					t.Fatal(err)
				}
			}
			now := 5 * time.Second
			m.CaughtUp(0)
			actions := m.Tick(now)
			for range 1000 {
				if len(actions) == 0 && m.Role() == RoleCandidate {
					now, _ = m.NextWake()
					actions = m.Tick(now)
				}
				if len(actions) != 1 || actions[0].Type != DoReadEnd {
					break
				}
				actions = m.EndRead(now, end(c.log, actions[0].After))
			}
			if m.Role() != c.role || c.role == RoleCandidate && (len(actions) != 1 || actions[0].Type != DoAppend) {
				t.Errorf("it is %s, and does %+v", m.Role(), actions)
			}
		})
	}
}

// TestALeaderThatSleptLooksFirst: the place for its next entry may be free in a log that is another by now.
func TestALeaderThatSleptLooksFirst(t *testing.T) {
	for name, same := range map[string]bool{"as it was": true, "another": false} {
		t.Run(name, func(t *testing.T) {
			m := NewMember(MemberConfig{Node: "d1", Nonce: 1, Lease: time.Second, Format: 2}, 0)
			claim := m.CaughtUp(0)[0].Entry
			m.AppendReturned(0, true)
			log := []Entry{claim}
			log[0].Seq = 1
			if a := m.Propose(time.Second/2, []byte("x")); len(a) != 1 || a[0].Type != DoAppend {
				t.Fatalf("within its lease it does %+v", a)
			} else {
				log = append(log, a[0].Entry)
				log[1].Seq = 2
			}
			m.AppendReturned(time.Second/2, true)
			if !same {
				log = line(1, 2, "d2", 2, Name{})
			}
			now := time.Minute
			a := m.Propose(now, []byte("y"))
			if len(a) != 1 || a[0].Type != DoReadEnd {
				t.Fatalf("after its lease it does %+v", a)
			}
			a = m.EndRead(now, end(log, a[0].After))
			if appends := len(a) == 1 && a[0].Type == DoAppend; appends != same || (m.Role() == RoleLeader) != same {
				t.Errorf("it is %s, and does %+v", m.Role(), a)
			}
		})
	}
}

// TestWhatIsSurePurged: a standby that takes the entries of the present leader for void notices so, if what it is
// sure of was cleaned away.
func TestWhatIsSurePurged(t *testing.T) {
	m := NewMember(MemberConfig{Node: "d3", Nonce: 3, Lease: time.Second, Format: 2}, 0)
	read := append(line(1, 1, "d1", 6, Name{}), line(6, 2, "d2", 8, Name{})[1:]...)
	for _, e := range read {
		if _, _, err := m.Followed(0, e); err != nil {
			t.Fatal(err)
		}
	}
	m.CaughtUp(0)
	if a := m.Tick(time.Minute); len(a) != 1 || a[0].Type != DoReadEnd {
		t.Fatalf("it does %+v", a)
	}
	if m.EndRead(time.Minute, LogEnd{Last: 13}); m.Role() != RoleDeposed {
		t.Errorf("it is %s", m.Role())
	}
}
