package record

import (
	"hash/crc32"

	ha "github.com/seed261fe303/ha"
)

// The fields of a spec that few tasks have. A spec's bytes begin with those that every
// task has, and with the set of these that it has.
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

// mostHave are the fields that a spec of no more than a kind and a payload may have
// once its defaults are filled in.
const mostHave = hasPool | hasPriority | hasTimeout | hasRetry

// Plain reports whether a task needs memory for none but the fields that most have.
func Plain(s *ha.TaskSpec) bool { return specBits(s)&^mostHave == 0 }

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

// spec passes the spec of a task.
func spec(c *Codec, s *ha.TaskSpec) {
	bits := 0
	if c.mode == reading {
		*s = ha.TaskSpec{}
	} else {
		bits = specBits(s)
	}
	text(c, "id", &s.ID)
	c.name("task_kind", &s.Kind)
	c.blob("payload", (*[]byte)(&s.Payload))
	number(c, "", &bits)
	if bits == 0 {
		return
	}
	if bits&hasPool != 0 {
		c.name("pool", &s.Pool)
	}
	if bits&hasPriority != 0 {
		signed(c, "priority", &s.Priority)
	}
	if bits&hasTimeout != 0 {
		number(c, "timeout_ms", &s.Timeout)
	}
	if bits&hasRetry != 0 {
		c.retry("retry", &s.Retry)
	}
	if bits&hasBatch != 0 {
		c.name("batch", &s.Batch)
	}
	if bits&^(mostHave|hasBatch) != 0 {
		rareSpec(c, s, bits)
	}
}

// rareSpec passes what few tasks have.
func rareSpec(c *Codec, s *ha.TaskSpec, bits int) {
	if bits&hasAfter != 0 {
		c.taskIDs("after", &s.After)
	}
	if bits&hasAfterBatch != 0 {
		text(c, "after_batch", &s.AfterBatch)
	}
	if bits&hasRunAt != 0 {
		c.time("run_at", &s.RunAt)
	}
	if bits&hasExpires != 0 {
		c.time("expires_at", &s.ExpiresAt)
	}
	if bits&hasUnique != 0 {
		text(c, "unique_key", &s.UniqueKey)
	}
	if bits&hasKey != 0 {
		text(c, "concurrency_key", &s.ConcurrencyKey)
	}
	if bits&hasSteps != 0 {
		c.showCount("steps", len(s.Steps))
		list(c, "step_specs", &s.Steps, 4, specStep)
	}
	if bits&hasLabels != 0 {
		c.labels(s)
	}
	if bits&hasMetadata != 0 {
		c.blob("metadata", (*[]byte)(&s.Metadata))
	}
	// These two are said by their bits alone.
	switch c.mode {
	case reading:
		if bits&hasRunAnyway != 0 {
			s.OnUpstreamFailure = ha.UpstreamRun
		}
		s.Partial = bits&hasPartial != 0
	case showing:
		c.show("on_upstream_failure", s.OnUpstreamFailure)
		c.show("partial", s.Partial)
	}
}

func specStep(c *Codec, s *ha.Step) {
	c.name("task_kind", &s.Kind)
	number(c, "timeout_ms", &s.Timeout)
	c.bool("partial", &s.Partial)
	some := s.Retry != nil
	c.bool("", &some)
	if some {
		c.retry("retry", &s.Retry)
	}
}

// retry passes a policy that is there.
func (c *Codec) retry(name string, v **ha.Retry) {
	if c.mode == reading {
		*v = new(ha.Retry)
	}
	r := *v
	c.group(name, func() {
		number(c, "max_attempts", &r.MaxAttempts)
		number(c, "backoff_ms", &r.Backoff)
		number(c, "max_backoff_ms", &r.MaxBackoff)
		c.float("factor", &r.Factor)
		c.float("jitter", &r.Jitter)
		signed(c, "max_lost", &r.MaxLost)
	})
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Printer makes fingerprints. The zero value is ready; it must not be used concurrently.
type Printer struct{ c Codec }

// Fingerprint is a checksum of what was submitted, by which the repetition of a
// submission is told from another task under the same id: two checksums with
// different polynomials.
func (p *Printer) Fingerprint(s *ha.TaskSpec) uint64 {
	p.c.mode, p.c.buf = writing, p.c.buf[:0]
	spec(&p.c, s)
	if s.Delay != 0 { // which is recorded as the time that it led to
		number(&p.c, "", &s.Delay)
	}
	return uint64(crc32.Checksum(p.c.buf, castagnoli))<<32 | uint64(crc32.ChecksumIEEE(p.c.buf))
}
