package step

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTimelineAgreesWithItsTwin builds random timelines beside a list of every moment that
// passed, second by second.
func TestTimelineAgreesWithItsTwin(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const second = int64(time.Second)
	for n := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, n))
		var l Timeline
		type moment struct{ elapsed, date int64 }
		var passed []moment
		elapsed := int64(1_700_000_000) * second
		date, rate := elapsed, int64(RateNormal)
		if err := l.Add(Piece{elapsed, date, rate}); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			if rng.IntN(10) == 0 {
				rate = RateSlow + rng.Int64N(3)
				if rng.IntN(3) == 0 {
					date += rng.Int64N(100_000) * second // a jump, or a time without a leader
				}
				if err := l.Add(Piece{Elapsed: elapsed, Date: date, Rate: rate}); err != nil {
					t.Fatalf("timeline %d: %v", n, err)
				}
			}
			passed = append(passed, moment{elapsed, date})
			elapsed += 10 * second
			date += second * rate
		}
		for i, m := range passed {
			if got := l.DateOf(m.elapsed); got != m.date {
				t.Fatalf("timeline %d: at elapsed %d it is %d, want %d", n, m.elapsed, got, m.date)
			}
			if got := l.ElapsedOf(m.date); got < m.elapsed-1 || got > m.elapsed+1 {
				t.Fatalf("timeline %d: date %d is at elapsed %d, want %d", n, m.date, got, m.elapsed)
			}
			if i > 0 && l.DateOf(m.elapsed) < l.DateOf(passed[i-1].elapsed) {
				t.Fatalf("timeline %d: the date goes back", n)
			}
		}
	}
}

// TestTimelineRefusesToGoBack, in the date and in the elapsed time.
func TestTimelineRefusesToGoBack(t *testing.T) {
	var l Timeline
	add := func(elapsed, date, rate int64, ok bool) {
		t.Helper()
		if err := l.Add(Piece{elapsed, date, rate}); (err == nil) != ok {
			t.Errorf("add %d, %d, %d: %v", elapsed, date, rate, err)
		}
	}
	add(100, 100, 10, true)
	add(100, 100, 10, true) // a snapshot says it again
	add(200, 150, 10, false)
	add(200, 200, 11, true)
	add(300, 309, 10, false)
	add(300, 310, 10, true)
	add(100, 100, 10, true) // a snapshot says it again
	add(250, 400, 10, false)
	add(300, 310, 9, true)
	add(400, 500, 8, false)
	add(400, 500, 12, false)
}

// TestTimelineIsBounded, and goes on to make sense of the time that it remembers.
func TestTimelineIsBounded(t *testing.T) {
	var l Timeline
	const second = int64(time.Second)
	for i := range int64(3 * maxPieces) {
		if err := l.Add(Piece{Elapsed: i * second, Date: 2 * i * second, Rate: RateNormal}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.Pieces()); n > maxPieces || n < maxPieces/2 {
		t.Errorf("%d pieces", n)
	}
	last := int64(3*maxPieces - 1)
	if got := l.DateOf(last*second + 5); got != 2*last*second+5 {
		t.Errorf("the date is %d", got)
	}
	if got := l.ElapsedOf(0); got > l.Pieces()[0].Elapsed {
		t.Errorf("long ago is at %d", got)
	}
}

// TestTimelineMistrustsAJump for an hour.
func TestTimelineMistrustsAJump(t *testing.T) {
	var l Timeline
	const second = int64(time.Second)
	for _, c := range []struct{ elapsed, date, hold int64 }{
		{0, 0, 0}, {10, 11, 0}, {20, 22, 0}, {30, 40, 30 + 3600}, {40, 50, 30 + 3600}, {50, 5000, 50 + 3600},
	} {
		if err := l.Add(Piece{c.elapsed * second, c.date * second, RateNormal}); err != nil {
			t.Fatal(err)
		}
		if l.Hold() != c.hold*second {
			t.Errorf("after %d it is mistrusted until %d s, want %d", c.elapsed, l.Hold()/second, c.hold)
		}
	}
}
