package core

import "fmt"

// Passed says what [Core.Replay] has met of snapshots: how many began and how many
// were complete, and how many bytes the records of the latest take.
type Passed struct {
	Begun, Complete int
	Bytes           uint64
}

// Passed returns what Replay has met so far. It is not a part of the state.
func (c *Core) Passed() Passed { return c.passed }

// pass notes a record of the kind that took so many bytes.
func (p *Passed) pass(kind recordKind, bytes int) {
	switch kind {
	case kindBegun:
		p.Begun++
		p.Bytes = 0
	case kindTotals:
		p.Complete++
	case kindRestored, kindHistory, kindTaskRestored, kindWorkRestored, kindKindRestored, kindPoolRestored, kindBatchRestored,
		kindIDsRestored, kindTaskTotals:
	default:
		return
	}
	p.Bytes += uint64(bytes)
}

// Replay applies the records in b, one after another as AppendRecord wrote them.
// It does what DecodeRecord and Apply do, several times as fast: what it decodes
// never becomes a [Record]. After an error, which matches [ErrCorrupt], the state
// must not be used.
func (c *Core) Replay(b []byte) error {
	for len(b) > 0 {
		d := decoder{b: b[1:], core: c}
		var err error
		switch recordKind(b[0]) {
		case kindRestored:
			if r := d.restored(); !d.bad {
				err = c.applyRestored(r)
			}
		case kindRegistered:
			if r := d.registered(); !d.bad {
				err = c.applyRegistered(r)
			}
		case kindActivated:
			if r := d.activated(); !d.bad {
				err = c.applyActivated(r)
			}
		case kindEnded:
			if r := d.ended(); !d.bad {
				err = c.applyEnded(r)
			}
		case kindTaskSubmitted:
			if r := d.submitted(c.t.blank()); !d.bad {
				err = c.applySubmitted(r)
			}
		case kindTaskStarted:
			if r := d.taskStarted(); !d.bad {
				err = c.applyTaskStarted(r)
			}
		case kindTaskEnded:
			if r := d.taskEnded(); !d.bad {
				err = c.applyTaskEnded(r)
			}
		case kindTaskRestored:
			if r := d.taskRestored(c.t.blank()); !d.bad {
				err = c.applyTaskSnapshot(r)
			}
		default:
			var r Record
			if r, d.b, err = DecodeRecord(b); err != nil {
				return err
			}
			err = c.Apply(r)
		}
		if d.bad {
			return cutShort(b[0])
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		c.passed.pass(recordKind(b[0]), len(b)-len(d.b))
		b = d.b
	}
	return nil
}
