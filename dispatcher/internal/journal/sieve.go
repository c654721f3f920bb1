package journal

import (
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

const (
	// maxEpoch is the highest epoch there is. It leaves room above, so that epochs never
	// overflow.
	maxEpoch = 1 << 62
	// MaxEpochStep is how far the epoch of a claim may be above the one before. Epochs rise by
	// one, and by more only if a loss was accepted, or a backup restored. So a stranger's claim
	// cannot use up all epochs at once.
	MaxEpochStep = 1 << 32
)

// Sieve tells which messages of a log count. Everybody who reads a log has one, and passes
// it every message in order, from the first that there is or from any other. The zero Sieve
// has read nothing. It must not be used concurrently.
//
// A message is void if it is no entry, or if no member can have written it at its place:
//
//   - it does not decode;
//   - its epoch is lower than the highest before it, or its format is;
//   - it is of the highest epoch before it, and of another writer than that epoch's;
//   - its number was read already: it is a copy;
//   - its epoch is higher, and it is no claim, or one that is too high.
//
// A void message takes a place in the log and has no other effect. The rest is damage, since
// an entry that counted is missing: a gap in the numbers of an epoch, and a claim whose
// predecessor is not the last entry that counts. An entry of a newer format is never void:
// the log ends the reading with [ErrNewer].
type Sieve struct {
	last   Entry // the last one that counts, without its data
	began  bool  // there is one
	format int   // the highest
}

// Began reports whether an entry was read that counts.
func (s *Sieve) Began() bool { return s.began }

// Format returns the format of the last entry that counts, or 0.
func (s *Sieve) Format() int { return s.format }

// Last returns the last entry that counts, without its data.
func (s *Sieve) Last() Entry { return s.last }

// Judge takes the next message. void says why it does not count; empty: it does. The error
// matches [ErrCorrupt] if entries before e are missing; e counts then, for those who want to
// go on.
func (s *Sieve) Judge(e Entry) (void string, err error) {
	if void = s.void(e); void != "" {
		return void, nil
	}
	err = s.damage(e)
	s.Accept(e)
	return "", err
}

// Accept takes note of an entry that counts for certain, as the writer's own does.
func (s *Sieve) Accept(e Entry) {
	e.Data = nil
	s.last, s.began, s.format = e, true, max(s.format, e.Format, format.Oldest)
}

// void says why e does not count, or nothing.
func (s *Sieve) void(e Entry) string {
	if e.Type == EntryForeign {
		return e.Foreign
	}
	if claim := e.Type == EntryClaim; claim != (e.Number == 0) {
		return fmt.Sprintf("it has number %d in its epoch: a claim, and nothing else, has 0", e.Number)
	}
	if len(e.Data) > 0 && e.Type != EntryRecords {
		return "it holds records and is none that may"
	}
	if !s.began {
		if e.Epoch > maxEpoch {
			return fmt.Sprintf("epoch %d is over the highest, %d", e.Epoch, uint64(maxEpoch))
		}
		return ""
	}
	if max(e.Format, format.Oldest) < s.format {
		return fmt.Sprintf("it has format %d after format %d", max(e.Format, format.Oldest), s.format)
	}
	return s.voidEpoch(e)
}

func (s *Sieve) voidEpoch(e Entry) string {
	last := &s.last
	switch {
	case e.Epoch < last.Epoch:
		return fmt.Sprintf("epoch %d is over, the last is %d", e.Epoch, last.Epoch)
	case e.Epoch == last.Epoch && (e.Node != last.Node || e.Nonce != last.Nonce):
		return fmt.Sprintf("epoch %d is that of %s (%x), not of %q (%x)", e.Epoch, last.Node, last.Nonce, e.Node, e.Nonce)
	case e.Epoch == last.Epoch && e.Number <= last.Number:
		return fmt.Sprintf("number %d of epoch %d was read already", e.Number, e.Epoch)
	case e.Epoch == last.Epoch:
		return ""
	case e.Type != EntryClaim:
		return fmt.Sprintf("no claim begins epoch %d", e.Epoch)
	case e.Epoch > maxEpoch || e.Epoch-last.Epoch > MaxEpochStep:
		return fmt.Sprintf("epoch %d is too far above the last, %d", e.Epoch, last.Epoch)
	}
	return ""
}

// damage returns an error if entries before e are missing, which counts.
func (s *Sieve) damage(e Entry) error {
	last := &s.last
	switch {
	case !s.began:
	case e.Epoch == last.Epoch && e.Number > last.Number+1:
		return fmt.Errorf("entry %d has number %d in epoch %d, the entry before it that counts has %d: entries between are missing: %w",
			e.Seq, e.Number, e.Epoch, last.Number, ErrCorrupt)
	case e.Type == EntryClaim && e.Format >= 2 && e.Prev != last.Name():
		return fmt.Errorf("entry %d begins epoch %d after number %d of epoch %d, but the last before it that counts is number %d of epoch %d:"+
			" entries are missing: %w", e.Seq, e.Epoch, e.Prev.Number, e.Prev.Epoch, last.Number, last.Epoch, ErrCorrupt)
	}
	return nil
}
