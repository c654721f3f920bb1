package term

import "time"

// Remembered is for how long a dispatcher that is not heard any more may still come back.
const Remembered = time.Hour

// Reader is a dispatcher that was heard.
type Reader struct {
	Name string
	// Format is the newest format of the journal that it reads; 0 is 1.
	Format int
	// Ago is how long ago it was heard last.
	Ago time.Duration
}

// UnableToRead returns those of list who may come back and cannot read a format, in the order of list. While
// there are any, the journal must not get that format.
func UnableToRead(list []Reader, format int) (unable []Reader) {
	for _, r := range list {
		r.Format = max(r.Format, 1) // those that do not say are of the version before
		if r.Ago <= Remembered && r.Format < format {
			unable = append(unable, r)
		}
	}
	return unable
}
