package dispatcher

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
//	one line of JSON, a backupHeader
//	each entry: its length in 4 bytes, its bytes as in the journal, a checksum
//	the trailer: length 0, the number of entries in 8 bytes, a checksum
//
// Numbers are big-endian. A checksum is the CRC-32C, in 4 bytes, of everything
// before it but other checksums: so a part that was changed, lost or moved shows
// at the next one.

const (
	backupFormat  = "ha-journal-backup"
	backupVersion = 1
	// maxBackupHeader and maxBackupEntry bound what a damaged file can ask for. No
	// NATS server carries longer entries.
	maxBackupHeader = 4 << 10
	maxBackupEntry  = 64 << 20
)

// ErrBackupInvalid says that something is not a backup, or not a whole one, or
// one that only a newer version reads.
var ErrBackupInvalid = errors.New("invalid backup")

type backupHeader struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Prefix  string    `json:"prefix"`
	TakenAt time.Time `json:"taken_at"`
	// First and Last are the sequences the entries had.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// entries is how many entries the header promises; it is valid.
func (h backupHeader) entries() uint64 { return h.Last - h.First + 1 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// backupWriter writes one backup: begin, add for each entry, end. The error of
// end is that of the first write that failed.
type backupWriter struct {
	out   *bufio.Writer
	sum   hash.Hash32
	buf   []byte
	count uint64
	bytes int64
}

func newBackupWriter(w io.Writer) *backupWriter {
	return &backupWriter{out: bufio.NewWriterSize(w, 1<<16), sum: crc32.New(castagnoli)}
}

func (w *backupWriter) begin(h backupHeader) error {
	h.Format, h.Version = backupFormat, backupVersion
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	w.write(append(line, '\n'))
	return nil
}

// write adds to the checksum. Failures are kept by the bufio.Writer.
func (w *backupWriter) write(b []byte) {
	_, _ = w.sum.Write(b) // a hash never fails
	w.raw(b)
}

func (w *backupWriter) raw(b []byte) {
	w.bytes += int64(len(b))
	_, _ = w.out.Write(b)
}

func (w *backupWriter) checksum() { w.raw(w.sum.Sum(nil)) }

func (w *backupWriter) add(e journal.Entry) {
	w.buf = journal.AppendEntry(append(w.buf[:0], 0, 0, 0, 0), e)
	binary.BigEndian.PutUint32(w.buf, uint32(len(w.buf)-4))
	w.write(w.buf)
	w.checksum()
	w.count++
}

func (w *backupWriter) end() error {
	w.write(binary.BigEndian.AppendUint64(make([]byte, 4, 12), w.count))
	w.checksum()
	return w.out.Flush()
}

// backupReader reads one backup: begin, then next until it returns io.EOF. All
// errors but those of the reader below match [ErrBackupInvalid].
type backupReader struct {
	in    *bufio.Reader
	sum   hash.Hash32
	count uint64
	bytes int64
	head  backupHeader
}

func newBackupReader(r io.Reader) *backupReader {
	return &backupReader{in: bufio.NewReaderSize(r, 1<<16), sum: crc32.New(castagnoli)}
}

func invalidBackup(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBackupInvalid, fmt.Errorf(format, args...))
}

func (r *backupReader) begin() error {
	line, err := r.headLine()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &r.head); err != nil || r.head.Format != backupFormat {
		return invalidBackup("it does not begin as one")
	}
	h := r.head
	if h.Version > backupVersion {
		return invalidBackup("it is of format %d, this binary reads up to %d", h.Version, backupVersion)
	}
	if h.Version < 1 || h.First < 1 || h.Last < h.First {
		return invalidBackup("its first line makes no sense: format %d, entries %d to %d", h.Version, h.First, h.Last)
	}
	return nil
}

// headLine reads byte by byte, to take nothing that follows for the line.
func (r *backupReader) headLine() ([]byte, error) {
	var line []byte
	for len(line) < maxBackupHeader {
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
	return nil, invalidBackup("it does not begin as one")
}

// next returns the next entry, with its sequence in this backup, from 1, or
// io.EOF once the trailer has been read and agrees.
func (r *backupReader) next() (journal.Entry, error) {
	var none journal.Entry
	size, err := r.take(4)
	if err != nil {
		return none, err
	}
	n := binary.BigEndian.Uint32(size)
	if n == 0 {
		return none, r.trailer()
	}
	if n > maxBackupEntry {
		return none, invalidBackup("entry %d of it is damaged: a length of %d bytes", r.count+1, n)
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
		return none, invalidBackup("%w", err)
	}
	return e, nil
}

// trailer returns io.EOF if all is well.
func (r *backupReader) trailer() error {
	b, err := r.take(8)
	if err != nil {
		return err
	}
	if err := r.check("its end"); err != nil {
		return err
	}
	if n := binary.BigEndian.Uint64(b); n != r.count || n != r.head.entries() {
		return invalidBackup("it has %d entries, its end says %d, its first line %d", r.count, n, r.head.entries())
	}
	if _, err := r.in.ReadByte(); err == nil {
		return invalidBackup("something follows its end")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read backup: %w", err)
	}
	return io.EOF
}

// take reads n bytes that the next checksum is over.
func (r *backupReader) take(n int) ([]byte, error) {
	b, err := r.read(n)
	_, _ = r.sum.Write(b)
	return b, err
}

// read asks for memory as the bytes come, not as a damaged length says.
func (r *backupReader) read(n int) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, r.in, int64(n))
	r.bytes += got
	if errors.Is(err, io.EOF) {
		return nil, invalidBackup("it is cut short after %d whole entries and %d bytes", r.count, r.bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	return b.Bytes(), nil
}

// check compares the checksum that comes next.
func (r *backupReader) check(what string) error {
	b, err := r.read(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) != r.sum.Sum32() {
		return invalidBackup("%s is damaged: the checksum does not match", what)
	}
	return nil
}
