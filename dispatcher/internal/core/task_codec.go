package core

import (
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
)

// What of a spec is there, as bits before its fields.
const (
	hasPool = 1 << iota
	hasPriority
	hasAfter
	hasAfterBatch
	hasRunAnyway
	hasRunAt
	hasExpires
	hasTimeout
	hasRetry
	hasUnique
	hasKey
	hasSteps
	hasPartial
	hasBatch
	hasLabels
	hasMetadata
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fingerprint is a checksum of what was submitted, by which the repetition of a
// submission is told from another task under the same id: two checksums with
// different polynomials.
func (c *Core) fingerprint(s *ha.TaskSpec) uint64 {
	e := encoder{c.t.scratch[:0]}
	e.spec(s)
	c.t.scratch = e.b
	return uint64(crc32.Checksum(e.b, castagnoli))<<32 | uint64(crc32.ChecksumIEEE(e.b))
}

func (e *encoder) float(f float64) { e.uint(math.Float64bits(f)) }
func (e *encoder) int(n int64)     { e.uint(uint64(n<<1) ^ uint64(n>>63)) }
func (e *encoder) bytes(b []byte) {
	e.uint(uint64(len(b)))
	e.b = append(e.b, b...)
}

func (e *encoder) spec(s *ha.TaskSpec) {
	bits := specBits(s)
	e.string(string(s.ID))
	e.string(s.Kind)
	e.bytes(s.Payload)
	e.uint(uint64(bits))
	if bits == 0 {
		return
	}
	if bits&hasPool != 0 {
		e.string(s.Pool)
	}
	if bits&hasPriority != 0 {
		e.int(int64(s.Priority))
	}
	if bits&hasTimeout != 0 {
		e.uint(uint64(s.Timeout))
	}
	if bits&hasRetry != 0 {
		e.retry(s.Retry)
	}
	if bits&hasBatch != 0 {
		e.string(s.Batch)
	}
	if bits&^(hasPool|hasPriority|hasTimeout|hasRetry|hasBatch) != 0 {
		e.moreSpec(s, bits)
	}
}

func (e *encoder) moreSpec(s *ha.TaskSpec, bits int) {
	if bits&hasAfter != 0 {
		e.uint(uint64(len(s.After)))
		for _, id := range s.After {
			e.string(string(id))
		}
	}
	if bits&hasAfterBatch != 0 {
		e.string(s.AfterBatch)
	}
	if bits&hasRunAt != 0 {
		e.time(s.RunAt)
	}
	if bits&hasExpires != 0 {
		e.time(s.ExpiresAt)
	}
	if bits&hasUnique != 0 {
		e.string(s.UniqueKey)
	}
	if bits&hasKey != 0 {
		e.string(s.ConcurrencyKey)
	}
	if bits&hasSteps != 0 {
		e.uint(uint64(len(s.Steps)))
		for i := range s.Steps {
			e.step(&s.Steps[i])
		}
	}
	if bits&hasLabels != 0 {
		e.uint(uint64(len(s.Labels)))
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			e.string(name)
			e.string(s.Labels[name])
		}
	}
	if bits&hasMetadata != 0 {
		e.bytes(s.Metadata)
	}
}

func specBits(s *ha.TaskSpec) (bits int) {
	for _, f := range [...]struct {
		bit   int
		there bool
	}{
		{hasPool, s.Pool != ""}, {hasPriority, s.Priority != 0}, {hasAfter, len(s.After) > 0}, {hasAfterBatch, s.AfterBatch != ""},
		{hasRunAnyway, s.OnUpstreamFailure == ha.UpstreamRun}, {hasRunAt, !s.RunAt.IsZero()}, {hasExpires, !s.ExpiresAt.IsZero()},
		{hasTimeout, s.Timeout != 0}, {hasRetry, s.Retry != nil}, {hasUnique, s.UniqueKey != ""}, {hasKey, s.ConcurrencyKey != ""},
		{hasSteps, len(s.Steps) > 0}, {hasPartial, s.Partial}, {hasBatch, s.Batch != ""}, {hasLabels, len(s.Labels) > 0},
		{hasMetadata, len(s.Metadata) > 0},
	} {
		if f.there {
			bits |= f.bit
		}
	}
	return bits
}

func (e *encoder) retry(r *ha.Retry) {
	e.uint(uint64(r.MaxAttempts))
	e.uint(uint64(r.Backoff))
	e.uint(uint64(r.MaxBackoff))
	e.float(r.Factor)
	e.float(r.Jitter)
	e.int(int64(r.MaxLost))
}

func (e *encoder) step(s *ha.Step) {
	e.string(s.Kind)
	e.uint(uint64(s.Timeout))
	e.bool(s.Partial)
	e.bool(s.Retry != nil)
	if s.Retry != nil {
		e.retry(s.Retry)
	}
}

func (e *encoder) fate(f Fate) {
	e.time(f.At)
	e.byte(byte(f.Next))
	e.byte(byte(f.Reason))
	e.uint(f.Turn)
	e.time(f.Due)
	flags := byte(0)
	if f.Charged {
		flags |= 1
	}
	if f.Lost {
		flags |= 2
	}
	e.byte(flags)
	e.string(f.Error)
	e.bytes(f.Result)
}

// numbers writes numbers that mostly rise a little as differences.
func (e *encoder) numbers(list []uint64) {
	e.uint(uint64(len(list)))
	last := uint64(0)
	for _, n := range list {
		e.int(int64(n - last))
		last = n
	}
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) float() float64 { return math.Float64frombits(d.uint()) }

// blob reads bytes that are not part of the input; none is nil.
func (d *decoder) blob() []byte {
	b := d.bytes()
	if len(b) == 0 {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

func (d *decoder) spec(s *ha.TaskSpec) {
	s.ID, s.Kind, s.Payload = ha.TaskID(d.own()), d.name(), d.blob()
	bits := d.uint()
	if bits == 0 {
		return
	}
	if bits&hasPool != 0 {
		s.Pool = d.name()
	}
	if bits&hasPriority != 0 {
		s.Priority = int(d.int())
	}
	if bits&hasTimeout != 0 {
		s.Timeout = ha.Millis(d.uint())
	}
	if bits&hasRetry != 0 {
		s.Retry = d.retry()
	}
	if bits&hasBatch != 0 {
		s.Batch = d.name()
	}
	if bits&hasRunAnyway != 0 {
		s.OnUpstreamFailure = ha.UpstreamRun
	}
	s.Partial = bits&hasPartial != 0
	d.moreSpec(s, bits)
}

func (d *decoder) moreSpec(s *ha.TaskSpec, bits uint64) {
	if bits&hasAfter != 0 {
		for range d.count(1) {
			s.After = append(s.After, ha.TaskID(d.own()))
		}
	}
	if bits&hasAfterBatch != 0 {
		s.AfterBatch = d.own()
	}
	if bits&hasRunAt != 0 {
		s.RunAt = d.time()
	}
	if bits&hasExpires != 0 {
		s.ExpiresAt = d.time()
	}
	if bits&hasUnique != 0 {
		s.UniqueKey = d.own()
	}
	if bits&hasKey != 0 {
		s.ConcurrencyKey = d.own()
	}
	if bits&hasSteps != 0 {
		for range d.count(4) {
			s.Steps = append(s.Steps, d.step())
		}
	}
	if bits&hasLabels != 0 {
		s.Labels = make(map[string]string)
		for range d.count(2) {
			name := d.own()
			s.Labels[name] = d.own()
		}
	}
	if bits&hasMetadata != 0 {
		s.Metadata = d.blob()
	}
}

// own reads a string that is not shared with others.
func (d *decoder) own() string { return string(d.bytes()) }

// name reads a name that many tasks have: a kind, a pool, a batch.
func (d *decoder) name() string {
	b := d.bytes()
	if d.core != nil {
		if k := d.core.t.kinds[string(b)]; k != nil {
			return k.name
		}
		if p := d.core.t.pools[string(b)]; p != nil {
			return p.name
		}
	}
	return string(b)
}

func (d *decoder) retry() *ha.Retry {
	return &ha.Retry{
		MaxAttempts: int(d.uint()), Backoff: ha.Millis(d.uint()), MaxBackoff: ha.Millis(d.uint()),
		Factor: d.float(), Jitter: d.float(), MaxLost: int(d.int()),
	}
}

func (d *decoder) step() ha.Step {
	s := ha.Step{Kind: d.name(), Timeout: ha.Millis(d.uint()), Partial: d.bool()}
	if d.bool() {
		s.Retry = d.retry()
	}
	return s
}

func (d *decoder) state() state {
	s := state(d.byte())
	if s < waiting || s >= states {
		d.fail()
	}
	return s
}

func (d *decoder) reason() reason {
	r := reason(d.byte())
	if r >= reasons {
		d.fail()
		return noReason
	}
	return r
}

func (d *decoder) fate() Fate {
	f := Fate{At: d.time(), Next: d.state(), Reason: d.reason(), Turn: d.uint(), Due: d.time()}
	flags := d.byte()
	f.Charged, f.Lost = flags&1 != 0, flags&2 != 0
	f.Error, f.Result = d.own(), d.blob()
	return f
}

func (d *decoder) numbers() []uint64 {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]uint64, n)
	last := uint64(0)
	for i := range list {
		last += uint64(d.int())
		list[i] = last
	}
	return list
}

func (d *decoder) duration() time.Duration { return time.Duration(d.uint()) }
