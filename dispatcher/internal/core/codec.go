package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
)

// FormatVersion is the version of the records' form in bytes. A reader refuses
// a higher one than its own, and reads every lower one. Version 2 added the records
// about tasks.
const FormatVersion = 2

// ErrCorrupt says that bytes are not records of this format.
var ErrCorrupt = errors.New("corrupt record")

// outcomes gives every outcome its byte; the order is part of the format.
var outcomes = [...]ha.Outcome{
	ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeCancelled, ha.OutcomeTimedOut, ha.OutcomeRejected, ha.OutcomeLost,
}

func outcomeByte(o ha.Outcome) byte {
	for i, known := range outcomes {
		if o == known {
			return byte(i)
		}
	}
	return byte(len(outcomes))
}

// AppendRecord appends the bytes of r to dst: its kind, then its fields in the
// order of their declaration, numbers as varints, times as nanoseconds since 1970.
func AppendRecord(dst []byte, r Record) []byte {
	e := encoder{append(dst, byte(r.kind()))}
	switch r := r.(type) {
	case Elected:
		e.time(r.At)
		e.uint(uint64(r.Epoch))
		e.string(r.Node)
	case Registered:
		e.registered(r)
	case Removed:
		e.time(r.At)
		e.string(string(r.Worker))
		e.byte(byte(r.Why))
	case Activated:
		e.time(r.At)
		e.string(string(r.Worker))
		e.uint(r.Number)
	case Ended:
		e.string(string(r.Worker))
		e.uint(r.Number)
		e.byte(outcomeByte(r.Outcome))
	case Begun:
		e.uint(uint64(r.Epoch))
		e.string(r.Node)
		e.uint(r.Workers)
	case Restored:
		e.restored(r)
	case History:
		e.bool(r.Task)
		e.bool(r.First)
		e.uint(uint64(len(r.Orders)))
		for _, order := range r.Orders {
			e.uint(order)
		}
	case Totals:
		e.uint(uint64(r.Epoch))
		e.string(r.Node)
		e.time(r.LastActivated)
		for _, n := range r.Counts.list() {
			e.uint(*n)
		}
		e.uint(r.Registrations)
	default:
		e.taskRecord(r)
	}
	return e.b
}

// DecodeRecord reads the record at the start of b and returns what follows it.
// The error matches [ErrCorrupt].
func DecodeRecord(b []byte) (r Record, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, fmt.Errorf("decode record: empty: %w", ErrCorrupt)
	}
	d := decoder{b: b[1:]}
	switch recordKind(b[0]) {
	case kindElected:
		r = Elected{At: d.time(), Epoch: ha.Epoch(d.uint()), Node: d.string()}
	case kindRegistered:
		r = d.registered()
	case kindRemoved:
		r = Removed{At: d.time(), Worker: d.worker(), Why: RemovedWhy(d.byte())}
	case kindActivated:
		r = d.activated()
	case kindEnded:
		r = d.ended()
	case kindBegun:
		r = Begun{Epoch: ha.Epoch(d.uint()), Node: d.string(), Workers: d.uint()}
	case kindRestored:
		r = d.restored()
	case kindHistory:
		r = d.history()
	case kindTotals:
		t := Totals{Epoch: ha.Epoch(d.uint()), Node: d.string(), LastActivated: d.time()}
		for _, n := range t.Counts.list() {
			*n = d.uint()
		}
		t.Registrations = d.uint()
		r = t
	default:
		if r = d.taskRecord(recordKind(b[0])); r == nil {
			return nil, nil, fmt.Errorf("decode record: unknown kind %d: %w", b[0], ErrCorrupt)
		}
	}
	if d.bad {
		return nil, nil, cutShort(b[0])
	}
	return r, d.b, nil
}

func cutShort(kind byte) error {
	return fmt.Errorf("decode record of kind %d: cut short or out of range: %w", kind, ErrCorrupt)
}

// list names the counters in the order of their form in bytes.
func (c *Counts) list() []*uint64 {
	return []*uint64{
		&c.Started, &c.Running, &c.Done, &c.Failed, &c.Cancelled, &c.TimedOut, &c.Rejected, &c.Losses,
		&c.Joined, &c.Left, &c.Lost,
	}
}

type encoder struct{ b []byte }

func (e *encoder) byte(v byte)   { e.b = append(e.b, v) }
func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// time writes the zero time as 0, which no real time has.
func (e *encoder) time(t time.Time) {
	var n int64
	if !t.IsZero() {
		n = t.UnixNano()
	}
	e.b = binary.AppendVarint(e.b, n)
}

func (e *encoder) strings(list []string) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.string(s)
	}
}

func (e *encoder) registered(r Registered) {
	e.time(r.At)
	e.uint(r.Order)
	e.string(string(r.Worker))
	e.uint(uint64(r.Weight))
	e.uint(uint64(r.Slots))
	e.string(r.Name)
	e.string(r.Instance)
	e.bool(r.Direct)
	e.strings(r.Pools)
	e.strings(r.Kinds)
}

func (e *encoder) restored(r Restored) {
	e.registered(r.Registered)
	e.uint(r.Activations)
	e.uint(uint64(len(r.Running)))
	for _, a := range r.Running {
		e.uint(a.Number)
		e.uint(uint64(a.Epoch))
	}
	e.uint(uint64(len(r.Recent)))
	for _, a := range r.Recent {
		e.uint(a.Number)
		e.uint(uint64(a.Epoch))
		e.bool(a.Lost)
	}
}

// decoder reads what encoder writes. After a read past the end bad is set and
// every read gives zero, so that callers check once.
type decoder struct {
	b   []byte
	bad bool
	// core is who the record is for, and lends its room to what is decoded; nil:
	// nobody, and everything gets a place of its own.
	core *Core
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) bool() bool {
	v := d.byte()
	if v > 1 {
		d.fail()
	}
	return v == 1
}

func (d *decoder) uint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 { // as most are
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a length of things of at least size bytes each, so that a
// corrupt length cannot ask for more memory than the input could fill.
func (d *decoder) count(size int) int {
	n := d.uint()
	if n > uint64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

// bytes reads a string; it is a part of the input.
func (d *decoder) bytes() []byte {
	n := d.count(1)
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) string() string {
	s := d.bytes()
	if d.core != nil && d.core.loading {
		return d.core.room.string(s)
	}
	return string(s)
}

// worker reads the id of a worker that is mostly known already.
func (d *decoder) worker() ha.WorkerID {
	id := d.bytes()
	if d.core != nil {
		if w := d.core.workers[ha.WorkerID(id)]; w != nil {
			return w.Worker
		}
	}
	return ha.WorkerID(id)
}

func (d *decoder) strings() []string {
	if d.core == nil {
		return d.names()
	}
	whole := d.b
	for range d.count(1) {
		d.bytes()
	}
	form := whole[:len(whole)-len(d.b)]
	list, known := d.core.room.lists[string(form)]
	if !known && !d.bad {
		alone := decoder{b: form}
		list = alone.names()
		d.core.room.list(form, list)
	}
	return list
}

func (d *decoder) names() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.string()
	}
	return list
}

func (d *decoder) time() time.Time {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return time.Time{}
	}
	d.b = d.b[n:]
	if v == 0 {
		return time.Time{}
	}
	return time.Unix(0, v).UTC()
}

func (d *decoder) outcome() ha.Outcome {
	i := int(d.byte())
	if i >= len(outcomes) {
		d.fail()
		return ""
	}
	return outcomes[i]
}

func (d *decoder) registered() Registered {
	return Registered{
		At: d.time(), Order: d.uint(), Worker: ha.WorkerID(d.string()), Weight: ha.Weight(d.uint()), Slots: int(d.uint()),
		Name: d.string(), Instance: d.string(), Direct: d.bool(), Pools: d.strings(), Kinds: d.strings(),
	}
}

func (d *decoder) history() History {
	h := History{Task: d.bool(), First: d.bool()}
	if n := d.count(1); n > 0 {
		h.Orders = make([]uint64, n)
	}
	for i := range h.Orders {
		h.Orders[i] = d.uint()
	}
	return h
}

func (d *decoder) activated() Activated {
	return Activated{At: d.time(), Worker: d.worker(), Number: d.uint()}
}

func (d *decoder) ended() Ended {
	return Ended{Worker: d.worker(), Number: d.uint(), Outcome: d.outcome()}
}

// restored reads a worker of a snapshot. Where there is a core, what the worker
// runs and ran is valid until the next one is read.
func (d *decoder) restored() Restored {
	r := Restored{Registered: d.registered(), Activations: d.uint()}
	if d.core != nil {
		r.Running, r.Recent = d.core.room.running[:0], d.core.room.lately[:0]
	}
	for range d.count(2) {
		r.Running = append(r.Running, Running{Number: d.uint(), Epoch: ha.Epoch(d.uint())})
	}
	for range d.count(3) {
		r.Recent = append(r.Recent, Recent{Number: d.uint(), Epoch: ha.Epoch(d.uint()), Lost: d.bool()})
	}
	if d.core != nil {
		d.core.room.running, d.core.room.lately = r.Running, r.Recent
	}
	return r
}
