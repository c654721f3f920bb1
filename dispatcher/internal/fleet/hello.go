package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Hello registers a worker. One that repeats its hello gets the same id.
func (f *Fleet) Hello(in step.Hello, out *step.Ready) step.Reply {
	if w := f.instances[in.Instance]; w != nil && in.Instance != "" {
		if !sameHello(w.Registered, in) {
			return step.Reply{Err: ha.Conflict("instance_conflict", "instance %q is registered with other values as worker %s:"+
				" say bye first, or use another instance", in.Instance, w.Worker)}
		}
		f.noteHeard(w)
		return step.Reply{Worker: w.Worker}
	}
	if len(f.workers) >= f.cfg.MaxWorkers {
		return step.Reply{Err: ha.Overloaded("too_many_workers", "at most %d workers may be registered", f.cfg.MaxWorkers)}
	}
	id := f.newWorkerID()
	f.record(out, &record.Registered{
		At: f.common.Now, Order: f.registrations + 1, Worker: id, Weight: in.Weight, Slots: in.Slots, Name: in.Name, Instance: in.Instance,
		Direct: in.Direct, Pools: in.Pools, Kinds: in.Kinds,
	})
	w := f.workers[id]
	f.noteHeard(w)
	w.soft.unconfirmed = f.cfg.Direct && w.Direct
	f.Reconsider(w)
	f.Tell(out, step.TellJoined, w)
	return step.Reply{Worker: id}
}

func sameHello(r record.Registered, in step.Hello) bool {
	return r.Weight == in.Weight && r.Slots == in.Slots && r.Name == in.Name && r.Direct == in.Direct &&
		slices.Equal(r.Pools, in.Pools) && slices.Equal(r.Kinds, in.Kinds)
}

// newWorkerID hashes the time, and with it the epoch and the number of
// registrations, which tell apart those of one instant. The 64 bits that are kept
// could in principle meet those of another worker; then it hashes again.
func (f *Fleet) newWorkerID() ha.WorkerID {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[0:], uint64(f.common.Now.UnixNano()))
	binary.BigEndian.PutUint64(seed[8:], uint64(f.common.Epoch))
	binary.BigEndian.PutUint64(seed[16:], f.registrations)
	for try := uint64(0); ; try++ {
		binary.BigEndian.PutUint64(seed[24:], try)
		sum := sha256.Sum256(seed[:])
		id := ha.WorkerID(hex.EncodeToString(sum[:8]))
		if f.workers[id] == nil {
			return id
		}
	}
}
