package step

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// Piece is a stretch of a [Timeline]: at the elapsed time Elapsed the date was Date, and from
// there on it advances by Rate tenths of the elapsed time. Both are in nanoseconds. The axis of
// the elapsed time begins as the date, so that they are equal until something sets them apart.
type Piece struct {
	Elapsed, Date int64
	Rate          int64
}

// The rates at which the date may advance: the date is behind the wall clock and makes that
// up, goes with it, or is ahead of it and waits.
const (
	RateSlow   = 9
	RateNormal = 10
	RateFast   = 11
)

const (
	// maxPieces is how many pieces a Timeline holds. If there are more, the oldest half is
	// forgotten, and times before are taken for the first that is left.
	maxPieces = 1024
	// leap is how far the date may jump without being mistrusted, and leapHold for how long it is
	// mistrusted then.
	leap     = int64(time.Second)
	leapHold = int64(time.Hour)
)

// Timeline tells which date it was at which elapsed time, and the other way round. Elapsed time
// is what the leaders measured, one after the other; it stands still while nobody leads. The
// date is the group's: it never goes back. The zero Timeline is for a journal in which both are
// the same. Records change it, and nothing else. It must not be used concurrently.
type Timeline struct {
	pieces []Piece
	// hold is the elapsed time until which the date is mistrusted, since it jumped.
	hold int64
}

// Pieces returns the pieces in order. They must not be changed.
func (l *Timeline) Pieces() []Piece { return l.pieces }

// Hold returns the elapsed time until which nothing is to be thrown away because of its age,
// as the date jumped by more than a second less than an hour before; 0: there is none.
func (l *Timeline) Hold() int64 { return l.hold }

// Add begins a piece. Pieces that the Timeline has already are ignored. The error says that
// the date, or the elapsed time, would go back.
func (l *Timeline) Add(p Piece) error {
	if p.Rate < RateSlow || p.Rate > RateFast {
		return fmt.Errorf("the date cannot advance by %d tenths", p.Rate)
	}
	n := len(l.pieces)
	if n == 0 {
		l.pieces = append(l.pieces, p)
		return nil
	}
	last := &l.pieces[n-1]
	switch {
	case p.Elapsed <= last.Elapsed && slices.Contains(l.pieces, p):
		return nil
	case p.Elapsed < last.Elapsed && p.Elapsed < l.pieces[0].Elapsed:
		return nil // it was forgotten
	case p.Elapsed < last.Elapsed:
		return errors.New("the elapsed time goes back")
	case p.Date < l.DateOf(p.Elapsed):
		return errors.New("the date goes back")
	}
	if p.Date-l.DateOf(p.Elapsed) > leap {
		l.hold = p.Elapsed + leapHold
	}
	if p.Elapsed == last.Elapsed && p.Date == last.Date {
		last.Rate = p.Rate
		return nil
	}
	if n == maxPieces {
		l.pieces = slices.Clone(l.pieces[n/2:])
	}
	l.pieces = append(l.pieces, p)
	return nil
}

// DateOf returns the date at an elapsed time.
func (l *Timeline) DateOf(elapsed int64) int64 {
	n := len(l.pieces)
	if n == 0 {
		return elapsed
	}
	if p := &l.pieces[n-1]; elapsed >= p.Elapsed {
		return p.dateOf(elapsed)
	}
	i := sort.Search(n, func(i int) bool { return l.pieces[i].Elapsed > elapsed })
	if i == 0 {
		return l.pieces[0].Date - (l.pieces[0].Elapsed - elapsed)
	}
	return l.pieces[i-1].dateOf(elapsed)
}

// ElapsedOf returns the elapsed time at a date. A date at which nobody led is that of the end of the
// leadership before. One that is to come is taken by the rate of today.
func (l *Timeline) ElapsedOf(date int64) int64 {
	n := len(l.pieces)
	if n == 0 {
		return date
	}
	if p := &l.pieces[n-1]; date >= p.Date {
		return p.elapsedOf(date)
	}
	i := sort.Search(n, func(i int) bool { return l.pieces[i].Date > date })
	if i == 0 {
		return l.pieces[0].Elapsed - (l.pieces[0].Date - date)
	}
	return min(l.pieces[i-1].elapsedOf(date), l.pieces[i].Elapsed)
}

// Reaches returns the first elapsed time at which the date is at least that, by the rate of
// today.
func (l *Timeline) Reaches(date int64) int64 {
	e := l.ElapsedOf(date)
	for l.DateOf(e) < date && len(l.pieces) > 0 {
		e++
	}
	return e
}

func (p *Piece) dateOf(elapsed int64) int64 {
	if p.Rate == RateNormal {
		return p.Date + (elapsed - p.Elapsed)
	}
	return p.Date + (elapsed-p.Elapsed)*p.Rate/RateNormal
}

func (p *Piece) elapsedOf(date int64) int64 {
	if p.Rate == RateNormal {
		return p.Elapsed + (date - p.Date)
	}
	return p.Elapsed + (date-p.Date)*RateNormal/p.Rate
}
