package tasks

import (
	"encoding/binary"
	"math/bits"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// rememberIDs is how many ids of forgotten tasks are remembered, so that a
// repeated submission of one is still known for what it is, and a task may still
// come after it.
const rememberIDs = 1 << 20

// receiptsKept is how many receipts of pulls are kept, the latest.
const receiptsKept = 1000

// forgottenTasks is what is remembered of tasks that the state holds no longer.
type forgottenTasks struct {
	byHash map[record.IDHash]forgottenTask
	oldest []record.IDHash // first
}

type forgottenTask struct {
	fingerprint uint64
	state       state
}

func newForgottenTasks() forgottenTasks {
	return forgottenTasks{byHash: map[record.IDHash]forgottenTask{}}
}

// keep remembers the id of a task that is forgotten.
func (m *forgottenTasks) keep(id record.RememberedID) {
	if _, known := m.byHash[id.Hash]; !known {
		m.oldest = append(m.oldest, id.Hash)
	}
	m.byHash[id.Hash] = forgottenTask{id.Print, id.State}
	for len(m.oldest) > rememberIDs {
		delete(m.byHash, m.oldest[0])
		m.oldest = m.oldest[1:]
	}
}

// recall returns how the forgotten task of that id ended, if that is remembered.
func (m *forgottenTasks) recall(id ha.TaskID) (forgottenTask, bool) {
	if len(m.byHash) == 0 {
		return forgottenTask{}, false
	}
	past, ok := m.byHash[HashOf(id)]
	return past, ok
}

// HashOf multiplies the id, eight bytes at a time, into two words and folds the
// products (the mixing of wyhash, https://github.com/wangyi-fudan/wyhash, with two
// lanes). It is no cryptographic hash: whoever wants two ids to meet can make them, and
// harms nobody else's task by it.
func HashOf(id ha.TaskID) (h record.IDHash) {
	a, b := uint64(0x2d358dccaa6c78a5)^uint64(len(id)), uint64(0x8bb84b93962eacc9)
	mix := func(x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		return hi ^ lo
	}
	for rest := id; len(rest) > 0; {
		var word [8]byte
		rest = rest[copy(word[:], rest):]
		x := binary.LittleEndian.Uint64(word[:])
		a, b = mix(x^a, 0xa0761d6478bd642f), mix(x^b, 0xe7037ed1a0b428db)
	}
	binary.LittleEndian.PutUint64(h[:8], mix(a, 0x8ebc6af09c88c6e3^b))
	binary.LittleEndian.PutUint64(h[8:], mix(b, 0x589965cc75374cc3^a))
	return h
}

// receipts is what was handed out under which receipt.
type receipts struct {
	byName map[string][]uint64
	oldest []string // first
}

func newReceipts() receipts { return receipts{byName: map[string][]uint64{}} }

func (p *receipts) keep(name string, tasks []uint64) {
	p.byName[name] = tasks
	p.oldest = append(p.oldest, name)
	if len(p.oldest) > receiptsKept {
		delete(p.byName, p.oldest[0])
		p.oldest = p.oldest[1:]
	}
}
