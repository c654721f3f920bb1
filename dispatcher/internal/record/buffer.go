package record

import (
	"iter"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
)

// Buffer holds records in the journal's form: what one entry of it says. The zero
// value is an empty one. It must not be used concurrently.
type Buffer struct {
	c     Codec
	n     int
	begin int // of the records: behind the version
	f     int // the journal's format; 0 is 1
}

// SetFormat sets the format of the journal that the records are for. It must be called while
// the buffer is empty, and stays when it is reset.
func (b *Buffer) SetFormat(f int) { b.f = f }

// Format returns the format of the journal that the records are for.
func (b *Buffer) Format() int { return max(b.f, format.Oldest) }

// Add appends r, and keeps nothing of it.
func (b *Buffer) Add(r Record) {
	if len(b.c.buf) == 0 {
		b.c.mode = writing
		b.c.buf = append(b.c.buf, format.Records(b.Format()))
		b.begin = 1
	}
	b.c.buf = append(b.c.buf, byte(r.Type()))
	r.fields(&b.c)
	b.n++
}

// Len returns how many records b holds.
func (b *Buffer) Len() int { return b.n }

// Size returns how many bytes b takes.
func (b *Buffer) Size() int { return len(b.c.buf) }

// Bytes returns the version of the format and then one record after another. They are
// valid until the next call of Add or Reset. An empty Buffer has no bytes.
func (b *Buffer) Bytes() []byte { return b.c.buf }

// Reset empties b and keeps its memory.
func (b *Buffer) Reset() { b.c.buf, b.n = b.c.buf[:0], 0 }

// All yields the records. They share no memory with b.
func (b *Buffer) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if b.n == 0 {
			return
		}
		for rest := b.c.buf[b.begin:]; len(rest) > 0; {
			r, after, err := Decode(rest)
			if err != nil {
				panic("record: a buffer does not decode: " + err.Error()) // a bug in this package
			}
			if !yield(r) {
				return
			}
			rest = after
		}
	}
}
