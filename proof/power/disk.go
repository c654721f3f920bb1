package main

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"
)

// sector is what a disk writes whole or not at all, in bytes: the physical sector of disks of
// today. Were it less than a block of ext4, its superblock could be torn, and a boot would have to
// repair the file system before it mounts it.
const sector = 4096

// errNoPower is what becomes of a request to a disk without power.
var errNoPower = errors.New("the disk has no power")

// room is where all disks of a trial are. Its power can be cut for several of them at one
// instant. Its methods and those of its disks may be used concurrently.
type room struct {
	// flush is how long a disk takes to empty its cache.
	flush time.Duration

	mu    sync.Mutex
	disks []*disk
}

// disk is a disk with a cache that forgets: a write is in the cache when it is answered,
// and stays when a flush that began after the answer is answered too.
type disk struct {
	name string
	size int64
	room *room

	// The room's mutex guards what follows.
	seen   []byte // what a read returns
	kept   []byte // what a cut leaves in any case
	cached []write
	// off is not nil while there is no power. It is closed when the requests that wait for an
	// answer get one.
	off   chan struct{}
	files int // how often it is open
}

// write is one that no flush has followed.
type write struct {
	at   int64
	data []byte
}

// survival says what became of the writes that a cut found in the cache.
type survival struct{ sectors, kept int }

func newRoom(flush time.Duration) *room { return &room{flush: flush} }

// add puts in an empty disk of so many bytes. Blocks that were never written take no memory.
func (r *room) add(name string, size int64) *disk {
	d := &disk{name: name, size: size, room: r, seen: make([]byte, size), kept: make([]byte, size)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disks = append(r.disks, d)
	return d
}

// cut takes the power from all of these disks, at one instant, which it returns. From then
// on no request to them is answered, until [disk.fail].
func (r *room) cut(disks ...*disk) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range disks {
		if d.off == nil {
			d.off = make(chan struct{})
		}
	}
	return time.Now()
}

// fail answers the requests that wait for power, and those to come, with an error.
func (d *disk) fail() {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	if d.off == nil {
		return
	}
	select {
	case <-d.off:
	default:
		close(d.off)
	}
}

// restore gives the disk power again, after [disk.fail]. What it had in its cache is lost in
// one of the ways in which disks lose it: all, nothing, or some sectors, in any order.
func (d *disk) restore(rng *rand.Rand) (s survival) {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	chance := []float64{0, 1, rng.Float64()}[rng.IntN(3)]
	for _, w := range d.cached {
		for part := range w.sectors() {
			s.sectors++
			if rng.Float64() < chance {
				s.kept++
				copy(d.kept[part.at:], part.data)
			}
		}
	}
	for _, w := range d.cached {
		copy(d.seen[w.at:w.at+int64(len(w.data))], d.kept[w.at:])
	}
	d.cached, d.off = nil, nil
	return s
}

// sectors yields the parts of w that a disk writes whole or not at all.
func (w write) sectors() iter.Seq[write] {
	return func(yield func(write) bool) {
		for at, data := w.at, w.data; len(data) > 0; {
			n := min(sector-at%sector, int64(len(data)))
			if !yield(write{at, data[:n]}) {
				return
			}
			at, data = at+n, data[n:]
		}
	}
}

// powered locks the room and returns nil if there is power; it waits as long as a request
// to a disk without any waits.
func (d *disk) powered() error {
	d.room.mu.Lock()
	if off := d.off; off != nil {
		d.room.mu.Unlock()
		<-off
		return errNoPower
	}
	return nil
}

func (d *disk) read(at int64, size int) ([]byte, error) {
	if err := d.powered(); err != nil {
		return nil, err
	}
	defer d.room.mu.Unlock()
	if at < 0 || at > d.size {
		return nil, fmt.Errorf("read at %d of %d", at, d.size)
	}
	data := make([]byte, min(int64(size), d.size-at))
	copy(data, d.seen[at:])
	return data, nil
}

// write takes a copy of data.
func (d *disk) write(at int64, data []byte) error {
	if err := d.powered(); err != nil {
		return err
	}
	defer d.room.mu.Unlock()
	if at < 0 || at+int64(len(data)) > d.size {
		return fmt.Errorf("write of %d at %d of %d", len(data), at, d.size)
	}
	copy(d.seen[at:], data)
	d.cached = append(d.cached, write{at, append([]byte(nil), data...)})
	return nil
}

// sync is a flush: what was answered before it stays.
func (d *disk) sync() error {
	if err := d.powered(); err != nil {
		return err
	}
	before := len(d.cached)
	d.room.mu.Unlock()
	<-time.After(d.room.flush)
	if err := d.powered(); err != nil {
		return err // the cut came in the middle: any part of it may have stayed
	}
	defer d.room.mu.Unlock()
	before = min(before, len(d.cached)) // another flush came first
	for _, w := range d.cached[:before] {
		copy(d.kept[w.at:], w.data)
	}
	d.cached = d.cached[before:]
	return nil
}

// open and closed count the files that the kernel has open.
func (d *disk) open() {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	d.files++
}

func (d *disk) closed() {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	d.files--
}

// idle returns nil if nobody has the disk open.
func (d *disk) idle() error {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	if d.files > 0 {
		return fmt.Errorf("disk %s is open %d times", d.name, d.files)
	}
	return nil
}

// byName returns the disk of that name and its number, or nil.
func (r *room) byName(name string) (number int, d *disk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, d := range r.disks {
		if d.name == name {
			return i, d
		}
	}
	return 0, nil
}

// byNumber returns the disk of that number, or nil.
func (r *room) byNumber(number int) *disk {
	r.mu.Lock()
	defer r.mu.Unlock()
	if number < 0 || number >= len(r.disks) {
		return nil
	}
	return r.disks[number]
}
