package backup

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// A backup is
//
//	one line of JSON, a header
//	each entry: its length in 4 bytes, its bytes as in the journal, a checksum
//	the trailer: length 0, the number of entries in 8 bytes, a checksum
//
// Numbers are big-endian. A checksum is the CRC-32C, in 4 bytes, of everything
// before it but other checksums: so a part that was changed, lost or moved shows
// at the next one.

const (
	format  = "ha-journal-backup"
	version = 1
	// maxHeader and maxEntry bound what a damaged file can ask for. No NATS server
	// carries longer entries.
	maxHeader = 4 << 10
	maxEntry  = 64 << 20
)

// ErrInvalid says that something is not a backup, or not a whole one, or one that
// only a newer version reads.
var ErrInvalid = errors.New("invalid backup")

type header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Prefix  string    `json:"prefix"`
	TakenAt time.Time `json:"taken_at"`
	// First and Last are the sequences the entries had. Void ones among them are left out.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// entries is how many entries the header promises at most; it is valid.
func (h header) entries() uint64 { return h.Last - h.First + 1 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer writes one backup: begin, add for each entry, end. The error of
// end is that of the first write that failed.
type writer struct {
	out   *bufio.Writer
	sum   hash.Hash32
	buf   []byte
	count uint64
	bytes int64
}

func newWriter(w io.Writer) *writer {
	return &writer{out: bufio.NewWriterSize(w, 1<<16), sum: crc32.New(castagnoli)}
}

func (w *writer) begin(h header) error {
	h.Format, h.Version = format, version
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	w.write(append(line, '\n'))
	return nil
}

// write adds to the checksum. Failures are kept by the bufio.Writer.
func (w *writer) write(b []byte) {
	_, _ = w.sum.Write(b) // a hash never fails
	w.raw(b)
}

func (w *writer) raw(b []byte) {
	w.bytes += int64(len(b))
	_, _ = w.out.Write(b)
}

func (w *writer) checksum() { w.raw(w.sum.Sum(nil)) }

func (w *writer) add(e journal.Entry) {
	w.buf = journal.AppendEntry(append(w.buf[:0], 0, 0, 0, 0), e)
	binary.BigEndian.PutUint32(w.buf, uint32(len(w.buf)-4))
	w.write(w.buf)
	w.checksum()
	w.count++
}

func (w *writer) end() error {
	w.write(binary.BigEndian.AppendUint64(make([]byte, 4, 12), w.count))
	w.checksum()
	return w.out.Flush()
}

// reader reads one backup: begin, then next until it returns io.EOF. All
// errors but those of the reader below match [ErrInvalid].
type reader struct {
	in    *bufio.Reader
	sum   hash.Hash32
	count uint64
	bytes int64
	head  header
}

func newReader(r io.Reader) *reader {
	return &reader{in: bufio.NewReaderSize(r, 1<<16), sum: crc32.New(castagnoli)}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

func (r *reader) begin() error {
	line, err := r.headLine()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &r.head); err != nil || r.head.Format != format {
		return invalid("it does not begin as one")
	}
	h := r.head
	if h.Version > version {
		return invalid("it is of format %d, this binary reads up to %d", h.Version, version)
	}
	if h.Version < 1 || h.First < 1 || h.Last < h.First {
		return invalid("its first line makes no sense: format %d, entries %d to %d", h.Version, h.First, h.Last)
	}
	return nil
}

// headLine reads byte by byte, to take nothing that follows for the line.
func (r *reader) headLine() ([]byte, error) {
	var line []byte
	for len(line) < maxHeader {
		c, err := r.in.ReadByte()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read backup: %w", err)
		}
		if line = append(line, c); c == '\n' {
			_, _ = r.sum.Write(line)
			r.bytes += int64(len(line))
			return line, nil
		}
	}
	return nil, invalid("it does not begin as one")
}

// next returns the next entry, with its sequence in this backup, from 1, or
// io.EOF once the trailer has been read and agrees.
func (r *reader) next() (journal.Entry, error) {
	var none journal.Entry
	size, err := r.take(4)
	if err != nil {
		return none, err
	}
	n := binary.BigEndian.Uint32(size)
	if n == 0 {
		return none, r.trailer()
	}
	if n > maxEntry {
		return none, invalid("entry %d of it is damaged: a length of %d bytes", r.count+1, n)
	}
	b, err := r.take(int(n))
	if err != nil {
		return none, err
	}
	if err := r.check(fmt.Sprintf("entry %d of it", r.count+1)); err != nil {
		return none, err
	}
	r.count++
	e, err := journal.DecodeEntry(r.count, b)
	if err != nil {
		return none, invalid("%w", err)
	}
	return e, nil
}

// trailer returns io.EOF if all is well.
func (r *reader) trailer() error {
	b, err := r.take(8)
	if err != nil {
		return err
	}
	if err := r.check("its end"); err != nil {
		return err
	}
	if n := binary.BigEndian.Uint64(b); n != r.count || n > r.head.entries() {
		return invalid("it has %d entries, its end says %d, its first line at most %d", r.count, n, r.head.entries())
	}
	if _, err := r.in.ReadByte(); err == nil {
		return invalid("something follows its end")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read backup: %w", err)
	}
	return io.EOF
}

// take reads n bytes that the next checksum is over.
func (r *reader) take(n int) ([]byte, error) {
	b, err := r.read(n)
	_, _ = r.sum.Write(b)
	return b, err
}

// read asks for memory as the bytes come, not as a damaged length says.
func (r *reader) read(n int) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, r.in, int64(n))
	r.bytes += got
	if errors.Is(err, io.EOF) {
		return nil, invalid("it is cut short after %d whole entries and %d bytes", r.count, r.bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	return b.Bytes(), nil
}

// check compares the checksum that comes next.
func (r *reader) check(what string) error {
	b, err := r.read(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) != r.sum.Sum32() {
		return invalid("%s is damaged: the checksum does not match", what)
	}
	return nil
}
