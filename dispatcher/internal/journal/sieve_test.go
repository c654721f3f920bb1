package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// verdict is what is said of one message of a log.
type verdict int

const (
	counts verdict = iota
	isVoid
	isDamage
)

func (v verdict) String() string { return [...]string{"counts", "void", "damage"}[v] }

// slowSieve says the rules again, by looking at all messages before anew.
type slowSieve struct{ before []Entry }

// judge is Sieve.Judge in other words.
func (s *slowSieve) judge(e Entry) verdict {
	v := s.verdict(e)
	if v != isVoid {
		s.before = append(s.before, e)
	}
	return v
}

func (s *slowSieve) verdict(e Entry) verdict {
	if e.Type == EntryForeign || (e.Type == EntryClaim) != (e.Number == 0) || e.Type != EntryRecords && len(e.Data) > 0 {
		return isVoid
	}
	var highest uint64
	var writer string
	var last *Entry
	newest := 0
	numbers := map[uint64]bool{}
	for i := range s.before {
		b := &s.before[i]
		if b.Epoch > highest || i == 0 {
			numbers = map[uint64]bool{}
		}
		highest, last = max(highest, b.Epoch), b
		writer = fmt.Sprint(b.Node, b.Nonce)
		for n := uint64(0); n <= b.Number; n++ {
			numbers[n] = true
		}
		newest = max(newest, b.Format)
	}
	if last == nil {
		if e.Epoch > 1<<62 {
			return isVoid
		}
		return counts
	}
	if e.Epoch < highest || e.Format < newest {
		return isVoid
	}
	if e.Epoch == highest {
		switch {
		case writer != fmt.Sprint(e.Node, e.Nonce), numbers[e.Number]:
			return isVoid
		case !numbers[e.Number-1]:
			return isDamage
		}
		return counts
	}
	if e.Type != EntryClaim || e.Epoch > 1<<62 || e.Epoch-highest > 1<<32 {
		return isVoid
	}
	if e.Format >= 2 && (e.Prev.Epoch != last.Epoch || e.Prev.Number != last.Number || e.Prev.Nonce != last.Nonce) {
		return isDamage
	}
	return counts
}

// logWriter writes a log in which much is wrong.
type logWriter struct {
	rng     *rand.Rand
	written []Entry // by members, in order
	last    Entry
	format  int
}

// next returns the next message.
func (w *logWriter) next() Entry {
	if len(w.written) == 0 || w.rng.IntN(6) == 0 {
		return w.own(w.claim())
	}
	if w.rng.IntN(4) == 0 {
		return w.wrong()
	}
	e := w.last
	e.Type, e.Number, e.Prev, e.AcceptsLoss = EntryRecords, e.Number+1, Name{}, false
	if w.rng.IntN(20) == 0 {
		e.Number++ // one is missing
	}
	if w.rng.IntN(2) == 0 {
		e.Data = []byte("records")
	}
	return w.own(e)
}

func (w *logWriter) own(e Entry) Entry {
	w.written, w.last = append(w.written, e), e
	w.last.Data = nil
	return e
}

func (w *logWriter) claim() Entry {
	e := Entry{Type: EntryClaim, Epoch: w.last.Epoch + 1 + w.rng.Uint64N(2), Node: fmt.Sprint("d", w.rng.IntN(2)), Nonce: w.rng.Uint64N(3)}
	if w.rng.IntN(20) == 0 {
		e.Epoch += 1 << 32
	}
	if w.rng.IntN(10) == 0 {
		w.format = 2
	}
	if e.Format = w.format; w.format == 2 && len(w.written) > 0 {
		e.Prev = w.last.Name()
		if w.rng.IntN(10) == 0 {
			e.Prev.Number++ // the end before it is missing
		}
	}
	return e
}

// wrong returns what no member writes here.
func (w *logWriter) wrong() Entry {
	e := w.written[w.rng.IntN(len(w.written))]
	switch w.rng.IntN(8) {
	case 0:
		return Entry{Type: EntryForeign, Foreign: "nothing"}
	case 1: // a copy
	case 2:
		e.Nonce++
	case 3:
		e.Node += "x"
	case 4:
		e = w.last
		e.Epoch += w.rng.Uint64N(3)
		e.Type, e.Number = EntryRecords, 1+w.rng.Uint64N(3)
	case 5:
		e = w.claim()
		e.Epoch = 1<<62 + w.rng.Uint64N(1<<63)
	case 6:
		e.Type, e.Data = EntryHandover, []byte("records")
	case 7:
		e.Format = 1
		e.Number += w.rng.Uint64N(2)
	}
	return e
}

// TestSieveAgreesWithTheRules judges logs in which much is wrong by the Sieve and by the
// rules said in other words.
func TestSieveAgreesWithTheRules(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	seen := map[verdict]int{}
	for n := range uint64(2000) {
		w := logWriter{rng: rand.New(rand.NewPCG(seed, n)), format: 1}
		var sieve Sieve
		var slow slowSieve
		for seq := uint64(1); seq <= 60; seq++ {
			e := w.next()
			e.Seq = seq
			want := slow.judge(e)
			got := counts
			void, err := sieve.Judge(e)
			switch {
			case void != "":
				got = isVoid
			case errors.Is(err, ErrCorrupt):
				got = isDamage
			case err != nil:
				t.Fatal(err)
			}
			seen[got]++
			if got != want {
				t.Fatalf("log %d, entry %d %+v: %s (%q, %v), want %s; the last that counts is %+v", n, seq, e, got, void, err, want, sieve.Last())
			}
		}
	}
	if seen[counts] < 1000 || seen[isVoid] < 1000 || seen[isDamage] < 100 {
		t.Errorf("the logs are too peaceful: %v", seen)
	}
}

// TestSieveRules has an example of each rule.
func TestSieveRules(t *testing.T) {
	claim := Entry{Format: 2, Type: EntryClaim, Epoch: 7, Node: "d1", Nonce: 1}
	first := Entry{Format: 2, Type: EntryRecords, Epoch: 7, Number: 1, Node: "d1", Nonce: 1}
	next := func(change func(*Entry)) Entry {
		e := first
		e.Number = 2
		change(&e)
		return e
	}
	claims := func(epoch uint64, prev Name) Entry {
		return Entry{Format: 2, Type: EntryClaim, Epoch: epoch, Node: "d2", Nonce: 2, Prev: prev}
	}
	for name, c := range map[string]struct {
		e    Entry
		want verdict
	}{
		"the next entry":         {next(func(*Entry) {}), counts},
		"the next claim":         {claims(8, first.Name()), counts},
		"a claim far above":      {claims(7+1<<32, first.Name()), counts},
		"a claim too far above":  {claims(8+1<<32, first.Name()), isVoid},
		"no entry":               {Entry{Type: EntryForeign, Foreign: "x"}, isVoid},
		"a lower epoch":          {next(func(e *Entry) { e.Epoch = 6 }), isVoid},
		"another node":           {next(func(e *Entry) { e.Node = "d2" }), isVoid},
		"another nonce":          {next(func(e *Entry) { e.Nonce = 2 }), isVoid},
		"a copy":                 {first, isVoid},
		"a copy of the claim":    {claim, isVoid},
		"a higher epoch":         {next(func(e *Entry) { e.Epoch = 8 }), isVoid},
		"an older format":        {next(func(e *Entry) { e.Format = 1 }), isVoid},
		"a claim with a number":  {next(func(e *Entry) { e.Type, e.Epoch = EntryClaim, 8 }), isVoid},
		"records in a handover":  {next(func(e *Entry) { e.Type, e.Data = EntryHandover, []byte("x") }), isVoid},
		"a gap":                  {next(func(e *Entry) { e.Number = 3 }), isDamage},
		"a claim after a loss":   {claims(8, Name{7, 2, 1}), isDamage},
		"a claim of a lost past": {claims(8, Name{}), isDamage},
	} {
		t.Run(name, func(t *testing.T) {
			var s Sieve
			for _, e := range []Entry{claim, first} {
				if void, err := s.Judge(e); void != "" || err != nil {
					t.Fatalf("%+v: %q, %v", e, void, err)
				}
			}
			void, err := s.Judge(c.e)
			if got := map[bool]verdict{void != "": isVoid, err != nil: isDamage}[true]; got != c.want {
				t.Errorf("%s: %q, %v; want %s", got, void, err, c.want)
			}
			if c.want == isVoid && s.Last().Name() != first.Name() {
				t.Errorf("a void entry left a trace: %+v", s.Last())
			}
		})
	}
	var s Sieve
	if void, _ := s.Judge(Entry{Type: EntryClaim, Epoch: 1<<62 + 1}); void == "" {
		t.Error("a first claim may use up all epochs")
	}
}

// TestLeaderGoesBehindVoidEntries, however many there are, and gives up at one that counts.
func TestLeaderGoesBehindVoidEntries(t *testing.T) {
	m := NewMember(MemberConfig{Node: "d1", Nonce: 1, Lease: 1e9, Format: 2}, 0)
	m.CaughtUp(0)
	m.AppendReturned(0, true)
	foreign := func(seq uint64) Entry { return Entry{Seq: seq, Type: EntryForeign, Foreign: "x"} }
	a := m.Propose(1, []byte("change"))
	if a[0].After != 1 {
		t.Fatalf("appends after %d", a[0].After)
	}
	sent := a[0].Entry
	m.AppendReturned(2, false)
	if a = m.EndRead(2, LogEnd{Last: 5, Next: []Entry{foreign(2), foreign(3)}}); len(a) != 1 || a[0].Type != DoReadEnd || a[0].After != 3 {
		t.Fatalf("two of four are void: %+v", a)
	}
	if a = m.EndRead(3, LogEnd{Last: 5, Next: []Entry{foreign(4), foreign(5)}}); len(a) != 1 || a[0].Type != DoAppend || a[0].After != 5 || !a[0].Entry.Same(sent) {
		t.Fatalf("all are void: %+v", a)
	}
	if a = m.AppendReturned(4, true); len(a) != 1 || a[0].Type != Committed || a[0].Entry.Seq != 6 || m.Position() != 6 || m.Void().Count != 4 || m.Void().Seq != 5 {
		t.Fatalf("%+v, position %d, %+v", a, m.Position(), m.Void())
	}
	m.Propose(5, nil)
	m.AppendReturned(6, false)
	next := Entry{Seq: 8, Format: 2, Type: EntryClaim, Epoch: 2, Node: "d2", Nonce: 2, Prev: sent.Name()}
	if a = m.EndRead(6, LogEnd{Last: 8, Next: []Entry{foreign(7), next}}); len(a) != 1 || a[0].Type != Lost || m.Role() != RoleDeposed {
		t.Errorf("a claim behind a void entry: %+v", a)
	}
}

// TestVoidEntriesRenewNothing: a standby's patience runs on, and a place stays vacant.
func TestVoidEntriesRenewNothing(t *testing.T) {
	const lease = 1e9
	m := NewMember(MemberConfig{Node: "d2", Nonce: 2, Lease: lease}, 0)
	claim := Entry{Seq: 1, Type: EntryClaim, Epoch: 1, Node: "d1", Nonce: 1, Lease: lease}
	if apply, _, err := m.Followed(0, claim); !apply || err != nil {
		t.Fatal(apply, err)
	}
	m.CaughtUp(0)
	wake, _ := m.NextWake()
	stale := claim
	stale.Seq, stale.Epoch, stale.Type, stale.Number, stale.Lease = 2, 0, EntryHandover, 1, 10*lease
	for seq, e := range []Entry{stale, {Type: EntryForeign, Foreign: "x"}, claim} {
		e.Seq = uint64(seq) + 2
		if apply, a, err := m.Followed(lease/2, e); apply || len(a) > 0 || err != nil {
			t.Fatal(apply, a, err)
		}
	}
	if after, _ := m.NextWake(); after != wake || m.Position() != 4 || m.Epoch() != 1 || m.Void().Count != 3 {
		t.Errorf("wakes at %s, not %s; position %d, epoch %d, %+v", after, wake, m.Position(), m.Epoch(), m.Void())
	}
	if a := m.Tick(wake); len(a) != 1 || a[0].Type != DoReadEnd || a[0].After != 0 {
		t.Fatalf("before the claim it does not look at the entry that it read last: %+v", a)
	}
	read := []Entry{claim, stale, {Seq: 3, Type: EntryForeign, Foreign: "x"}, claim}
	read[3].Seq = 4
	if a := m.EndRead(wake, LogEnd{Last: 4, Next: read}); len(a) != 1 || a[0].Type != DoAppend || a[0].After != 4 || a[0].Entry.Epoch != 2 {
		t.Errorf("the claim: %+v", a)
	}
}
