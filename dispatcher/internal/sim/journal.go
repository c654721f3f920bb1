package sim

import "time"

// journal is the log that outlives every dispatcher. An append travels to it,
// takes effect there at one moment, and is acknowledged later: a dispatcher that
// dies in between has written what it never learned of.
type journal struct {
	w       *world
	first   uint64 // sequence of entries[0]
	entries [][]byte
	slowest time.Duration // to take effect, and to be acknowledged
	stalled time.Duration // nothing takes effect before this true time
	commits int
	purges  int
}

func (j *journal) last() uint64 { return j.first + uint64(len(j.entries)) - 1 }

// append adds data after the entry with sequence after. done is told of it in the
// life of the writer that asked; ok is false where another entry came before.
// digest is what the writer's state was with data applied; nil: it does not say.
func (j *journal) append(writer *node, after uint64, data, digest []byte, done func(seq uint64, ok bool)) {
	life := writer.life
	arrives := max(j.w.now+j.w.spell(j.slowest), j.stalled)
	j.w.queue.push(event{at: arrives, do: func() {
		ok := after == j.last() || j.w.opts.Mutation == NoCompareAndSet
		if ok {
			j.entries = append(j.entries, data)
			j.commits++
			j.w.books.commit(data, digest)
		}
		seq := j.last()
		if j.w.tracing {
			j.w.say("journal: %d bytes of %s after %d, accepted %v", len(data), writer.name, after, ok)
		}
		j.w.queue.push(event{at: j.w.now + j.w.spell(j.slowest), to: writer, life: life, do: func() { done(seq, ok) }})
	}})
}

// purge removes the entries before a sequence.
func (j *journal) purge(before uint64) {
	if before > j.first {
		j.entries = j.entries[before-j.first:]
		j.first = before
		j.purges++
	}
}
