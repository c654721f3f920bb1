package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// The operations of the kernel's protocol for file systems in user space that are answered
// here; see linux/fuse.h. The others are not needed, and refused.
const (
	fuseLookup      = 1
	fuseForget      = 2
	fuseGetattr     = 3
	fuseSetattr     = 4
	fuseOpen        = 14
	fuseRead        = 15
	fuseWrite       = 16
	fuseStatfs      = 17
	fuseRelease     = 18
	fuseFsync       = 20
	fuseFlush       = 25
	fuseInit        = 26
	fuseOpendir     = 27
	fuseReleasedir  = 29
	fuseInterrupt   = 36
	fuseDestroy     = 38
	fuseBatchForget = 42
)

const (
	fuseMinor      = 31      // of version 7 of the protocol
	fuseDirectIO   = 1       // of the flags of an open file: the kernel keeps no pages of it
	fuseBigWrites  = 1 << 5  // of the flags at the start: writes may be larger than a page
	fuseAnyAttrs   = 1 << 15 // of the flags at the start: requests may run side by side
	fuseMostWrite  = 128 << 10
	fuseHeader     = 40
	fuseRoot       = 1
	fuseFirst      = 2 // the inode of disk 0
	fuseValidFor   = 3600
	fuseReplyBytes = 16
)

// shelf is a mounted file system in which each disk of a room is a file.
type shelf struct {
	room *room
	dir  string
	dev  int
	wg   sync.WaitGroup
}

// mountShelf mounts the disks in the directory. The caller closes the shelf. Were its process
// to end, each request would fail from then on.
func mountShelf(dir string, r *room) (*shelf, error) {
	// Not an os.File, which would ask the poller, and that is told of an error before the mount.
	dev, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev)
	if err := syscall.Mount("ha-power", dir, "fuse", syscall.MS_NOSUID|syscall.MS_NODEV, options); err != nil {
		return nil, errors.Join(fmt.Errorf("mount a file system of type fuse: %w", err), syscall.Close(dev))
	}
	s := &shelf{room: r, dir: dir, dev: dev}
	s.wg.Go(s.serve)
	return s, nil
}

// close unmounts it and waits for its goroutines. No request may be waiting for power.
func (s *shelf) close() error {
	// By force: what still uses it gets errors from now on, and serve comes to its end.
	if err := syscall.Unmount(s.dir, syscall.MNT_FORCE|syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", s.dir, err)
	}
	s.wg.Wait()
	return syscall.Close(s.dev)
}

// serve answers requests until the file system is unmounted or closed.
func (s *shelf) serve() {
	for buffer := make([]byte, fuseMostWrite+8192); ; {
		n, err := syscall.Read(s.dev, buffer)
		switch {
		case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EINTR), errors.Is(err, syscall.EAGAIN): // a request was withdrawn
			continue
		case err != nil || n < fuseHeader:
			return
		}
		q := request{
			op: binary.NativeEndian.Uint32(buffer[4:]), id: binary.NativeEndian.Uint64(buffer[8:]),
			node: binary.NativeEndian.Uint64(buffer[16:]), body: buffer[fuseHeader:n],
		}
		switch q.op {
		case fuseForget, fuseBatchForget, fuseInterrupt:
			continue // they want no answer
		case fuseRead, fuseWrite, fuseFsync:
			// They may have to wait: for the flush, or for the power.
			q.body = append([]byte(nil), q.body...)
			s.wg.Go(func() { s.answer(q) })
		default:
			s.answer(q)
		}
	}
}

// request is one of the kernel's.
type request struct {
	op       uint32
	id, node uint64
	body     []byte
}

// answer sends the reply to a request.
func (s *shelf) answer(q request) {
	body, errno := s.handle(q)
	reply := make([]byte, fuseReplyBytes, fuseReplyBytes+len(body))
	if errno != 0 {
		body = nil
	}
	binary.NativeEndian.PutUint32(reply[0:], uint32(fuseReplyBytes+len(body))) // #nosec G115 -- small
	binary.NativeEndian.PutUint32(reply[4:], uint32(-int32(errno)))            // #nosec G115 -- a small number, negative by protocol
	binary.NativeEndian.PutUint64(reply[8:], q.id)
	_, _ = syscall.Write(s.dev, append(reply, body...)) // the kernel has given the request up, or the file system is gone
}

// handle returns the body of the reply, or why there is none.
func (s *shelf) handle(q request) ([]byte, syscall.Errno) {
	switch q.op {
	case fuseInit:
		return fields{u32(7), u32(fuseMinor), u32(fuseMostWrite), u32(fuseBigWrites | fuseAnyAttrs), u16(0), u16(0),
			u32(fuseMostWrite), u32(1), zero(36)}.bytes(), 0
	case fuseDestroy, fuseFlush, fuseReleasedir:
		return nil, 0
	case fuseOpendir:
		return fields{u64(0), u32(0), u32(0)}.bytes(), 0
	case fuseStatfs:
		return make([]byte, 80), 0
	case fuseLookup:
		return s.lookup(q)
	case fuseGetattr, fuseSetattr:
		if q.node == fuseRoot {
			return fields{u64(fuseValidFor), u64(0), attributes(fuseRoot, 0, syscall.S_IFDIR|0o700)}.bytes(), 0
		}
	}
	d := s.room.byNumber(int(q.node) - fuseFirst) // #nosec G115 -- the numbers given out here
	if d == nil {
		return nil, syscall.ENOENT
	}
	return handleFile(q, d)
}

func (s *shelf) lookup(q request) ([]byte, syscall.Errno) {
	if q.node != fuseRoot || len(q.body) == 0 {
		return nil, syscall.ENOENT
	}
	number, d := s.room.byName(string(q.body[:len(q.body)-1]))
	if d == nil {
		return nil, syscall.ENOENT
	}
	node := uint64(number + fuseFirst) // #nosec G115 -- a few disks
	return fields{u64(node), u64(0), u64(fuseValidFor), u64(fuseValidFor), u64(0), attributes(node, d.size, syscall.S_IFREG|0o600)}.bytes(), 0
}

// handleFile is what is asked of one disk.
func handleFile(q request, d *disk) (body []byte, errno syscall.Errno) {
	var err error
	switch q.op {
	case fuseGetattr, fuseSetattr:
		return fields{u64(fuseValidFor), u64(0), attributes(q.node, d.size, syscall.S_IFREG|0o600)}.bytes(), 0
	case fuseOpen:
		d.open()
		return fields{u64(0), u32(fuseDirectIO), u32(0)}.bytes(), 0
	case fuseRelease:
		d.closed()
		return nil, 0
	case fuseRead:
		body, err = d.read(int64(binary.NativeEndian.Uint64(q.body[8:])), int(binary.NativeEndian.Uint32(q.body[16:]))) // #nosec G115 -- checked by read
	case fuseWrite:
		size := binary.NativeEndian.Uint32(q.body[16:])
		err = d.write(int64(binary.NativeEndian.Uint64(q.body[8:])), q.body[40:40+size]) // #nosec G115 -- checked by write
		body = fields{u32(size), u32(0)}.bytes()
	case fuseFsync:
		err = d.sync()
	default:
		return nil, syscall.EOPNOTSUPP
	}
	if err != nil {
		return nil, syscall.EIO
	}
	return body, 0
}

// attributes is struct fuse_attr.
func attributes(node uint64, size int64, mode uint32) []byte {
	return fields{u64(node), u64(uint64(size)), u64(uint64(size) / 512), zero(36), // #nosec G115 -- a size
		u32(mode), u32(1), zero(12), u32(sector), u32(0)}.bytes()
}

// fields are the parts of a message.
type fields [][]byte

func (f fields) bytes() (b []byte) {
	for _, part := range f {
		b = append(b, part...)
	}
	return b
}

func u64(v uint64) []byte { return binary.NativeEndian.AppendUint64(nil, v) }
func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
func u16(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }
func zero(n int) []byte   { return make([]byte, n) }
