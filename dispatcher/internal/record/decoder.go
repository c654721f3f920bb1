package record

import "fmt"

// Decoder reads the records of one entry after another. It uses the same structs again
// for each record of a type, so it allocates no more than what a record's strings and
// lists need. The zero value reads nothing; see Reset. It must not be used concurrently.
type Decoder struct {
	c     Codec
	blank [Types]Record
}

// Reset makes d read the records in b, which begins with a record and not with the
// version of the format. names may be nil.
func (d *Decoder) Reset(b []byte, names Interner) {
	d.c = Codec{mode: reading, buf: b, names: names}
}

// More reports whether there is another record.
func (d *Decoder) More() bool { return len(d.c.buf) > 0 }

// Next returns the next record and how many bytes it takes. The record is valid until
// the next call. The error matches [ErrCorrupt]; after it, d is of no further use.
func (d *Decoder) Next() (r Record, size int, err error) {
	was := len(d.c.buf)
	if was == 0 {
		return nil, 0, errEmpty()
	}
	t := d.c.buf[0]
	if !Type(t).exists() {
		return nil, 0, errUnknown(t)
	}
	if r = d.blank[t]; r == nil {
		r = types[t].make()
		d.blank[t] = r
	}
	d.c.buf = d.c.buf[1:]
	r.fields(&d.c)
	if d.c.bad {
		return nil, 0, errCut(t)
	}
	return r, was - len(d.c.buf), nil
}

// Open checks the version of an entry's data and returns what follows it: one record
// after another. The error matches [ErrNewer] or [ErrCorrupt].
func Open(data []byte) (records []byte, err error) {
	switch {
	case len(data) == 0:
		return nil, nil
	case data[0] > FormatVersion:
		return nil, newerError(data[0])
	case data[0] == 0:
		return nil, fmt.Errorf("records of format 0, which does not exist: %w", ErrCorrupt)
	}
	return data[1:], nil
}

// Begins reports whether the data of an entry begins with the first record of a snapshot, of
// whatever format.
func Begins(data []byte) bool { return len(data) > 1 && data[1] == byte(TypeBegun) }

// Each decodes the data of an entry and calls fn with every record, which fn may keep.
// An error of fn ends it and is returned; any other matches [ErrCorrupt] or [ErrNewer].
func Each(data []byte, fn func(Record) error) error {
	rest, err := Open(data)
	for err == nil && len(rest) > 0 {
		var r Record
		if r, rest, err = Decode(rest); err == nil {
			err = fn(r)
		}
	}
	return err
}
