package record

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	ha "github.com/seed261fe303/ha"
)

// Interner finds what many records have in common, so that a Decoder need not
// allocate it for each. Its methods must not keep the bytes that they are given.
type Interner interface {
	// Worker returns the id of a worker, which is mostly known already.
	Worker(id []byte) ha.WorkerID
	// Name returns the name of a kind, a pool or a batch.
	Name(name []byte) string
	// Text returns any other text of a worker's registration.
	Text(text []byte) string
	// Names returns the list of names that has this form in bytes, if Keep was called
	// with it.
	Names(form []byte) ([]string, bool)
	// Keep remembers a list of names, which is not changed afterwards.
	Keep(form []byte, names []string)
}

type mode byte

const (
	reading mode = iota // from buf, which holds what is left
	writing             // to the end of buf
	showing             // to visit
)

// Codec is what a record's list of fields is passed to. Each of its methods reads the
// field, writes it or shows it, as the mode says. After a read past the end bad is set
// and every read gives zero, so that callers check once.
//
// A field whose name is empty is not shown.
type Codec struct {
	mode  mode
	bad   bool
	buf   []byte
	names Interner // while reading; nil: everything is allocated
	visit func(name string, value any)
}

func (c *Codec) fail() { c.buf, c.bad = nil, true }

func (c *Codec) show(name string, value any) {
	if name != "" {
		c.visit(name, value)
	}
}

func (c *Codec) readByte() byte {
	if len(c.buf) == 0 {
		c.fail()
		return 0
	}
	v := c.buf[0]
	c.buf = c.buf[1:]
	return v
}

func (c *Codec) readUint() uint64 {
	b := c.buf
	if len(b) > 0 && b[0] < 0x80 { // as most are
		c.buf = b[1:]
		return uint64(b[0])
	}
	v, n := binary.Uvarint(b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.buf = b[n:]
	return v
}

// readBytes reads bytes that are a part of the input.
func (c *Codec) readBytes() []byte {
	n := c.count(1)
	s := c.buf[:n]
	c.buf = c.buf[n:]
	return s
}

// count reads a length of things of at least size bytes each, so that a
// corrupt length cannot ask for more memory than the input could fill.
func (c *Codec) count(size int) int {
	n := c.readUint()
	if n > uint64(len(c.buf)/size) {
		c.fail()
		return 0
	}
	return int(n)
}

func (c *Codec) writeUint(v uint64) { c.buf = binary.AppendUvarint(c.buf, v) }

func (c *Codec) writeString(s string) {
	c.writeUint(uint64(len(s)))
	c.buf = append(c.buf, s...)
}

// octet passes a byte.
func (c *Codec) octet(v *byte) {
	switch c.mode {
	case reading:
		*v = c.readByte()
	case writing:
		c.buf = append(c.buf, *v)
	}
}

func (c *Codec) bool(name string, v *bool) {
	switch c.mode {
	case reading:
		b := c.readByte()
		if b > 1 {
			c.fail()
		}
		*v = b == 1
	case writing:
		b := byte(0)
		if *v {
			b = 1
		}
		c.buf = append(c.buf, b)
	default:
		c.show(name, *v)
	}
}

// flag is one of the fields that [Codec.flags] packs.
type flag struct {
	name string
	v    *bool
}

// flags packs up to eight booleans into one byte, the first into its lowest bit. A
// reader ignores the bits that it does not know.
func (c *Codec) flags(list ...flag) {
	var bits byte
	if c.mode != reading {
		for i, f := range list {
			if *f.v {
				bits |= 1 << i
			}
			if c.mode == showing {
				c.show(f.name, *f.v)
			}
		}
	}
	c.octet(&bits)
	if c.mode == reading {
		for i, f := range list {
			*f.v = bits&(1<<i) != 0
		}
	}
}

// number passes a whole number that is never negative.
func number[T ~int | ~int64 | ~uint64](c *Codec, name string, v *T) {
	switch c.mode {
	case reading:
		if b := c.buf; len(b) > 0 && b[0] < 0x80 { // as most are; a call less
			*v, c.buf = T(b[0]), b[1:]
			return
		}
		*v = T(c.readUint())
	case writing:
		c.buf = binary.AppendUvarint(c.buf, uint64(*v))
	default:
		c.show(name, *v)
	}
}

// fingerprint passes 64 bits, which are shown in base 16: as a number they are more than
// many readers of JSON hold.
func (c *Codec) fingerprint(v *uint64) {
	if c.mode == showing {
		c.show("fingerprint", strconv.FormatUint(*v, 16))
		return
	}
	number(c, "", v)
}

// signed passes a whole number that may be negative, as zigzag varint.
func signed[T ~int | ~int64](c *Codec, name string, v *T) {
	switch c.mode {
	case reading:
		n := c.readUint()
		*v = T(int64(n>>1) ^ -int64(n&1))
	case writing:
		n := int64(*v)
		c.writeUint(uint64(n<<1) ^ uint64(n>>63))
	default:
		c.show(name, *v)
	}
}

func (c *Codec) float(name string, v *float64) {
	switch c.mode {
	case reading:
		*v = math.Float64frombits(c.readUint())
	case writing:
		c.writeUint(math.Float64bits(*v))
	default:
		c.show(name, *v)
	}
}

// time writes the zero time as 0, which no real time has.
func (c *Codec) time(name string, v *time.Time) {
	switch c.mode {
	case reading:
		n, size := binary.Varint(c.buf)
		if size <= 0 {
			c.fail()
			n, size = 0, 0
		}
		c.buf = c.buf[size:]
		if n == 0 {
			*v = time.Time{}
			return
		}
		*v = time.Unix(0, n).UTC()
	case writing:
		var n int64
		if !v.IsZero() {
			n = v.UnixNano()
		}
		c.buf = binary.AppendVarint(c.buf, n)
	default:
		c.show(name, *v)
	}
}

// text passes a string that belongs to this record alone.
func text[T ~string](c *Codec, name string, v *T) {
	switch c.mode {
	case reading:
		*v = T(c.readBytes())
	case writing:
		c.writeString(string(*v))
	default:
		c.show(name, *v)
	}
}

// shared passes a text of a worker's registration.
func (c *Codec) shared(name string, v *string) {
	if c.mode == reading && c.names != nil {
		*v = c.names.Text(c.readBytes())
		return
	}
	text(c, name, v)
}

// worker passes the id of a worker that is mostly known already, as "worker".
func (c *Codec) worker(v *ha.WorkerID) {
	if c.mode == reading && c.names != nil {
		*v = c.names.Worker(c.readBytes())
		return
	}
	text(c, "worker", v)
}

// name passes a name that many tasks have: a kind, a pool, a batch.
func (c *Codec) name(name string, v *string) {
	if c.mode == reading && c.names != nil {
		*v = c.names.Name(c.readBytes())
		return
	}
	text(c, name, v)
}

// blob passes bytes, of which only the number is shown: they may be long, and are not
// for everybody who looks at a journal. None is read as nil.
func (c *Codec) blob(name string, v *[]byte) {
	switch c.mode {
	case reading:
		b := c.readBytes()
		if len(b) == 0 {
			*v = nil
			return
		}
		*v = append(make([]byte, 0, len(b)), b...)
	case writing:
		c.writeUint(uint64(len(*v)))
		c.buf = append(c.buf, *v...)
	default:
		c.show(name+"_bytes", len(*v))
	}
}
